-- $1 the caller's own, $2 idle time in ms.
select session_list($1, $2::bigint * interval '1 millisecond')
