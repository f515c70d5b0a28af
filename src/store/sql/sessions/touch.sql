-- $1 sids, $2 idle time in ms.
select session_touch($1::text[], $2::bigint * interval '1 millisecond')
