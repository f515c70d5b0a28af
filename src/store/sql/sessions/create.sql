-- $1 sid, $2 user, $3 idle ms, $4 absolute ms.
select session_create($1, $2, jsonb_build_object('absoluteExpire', now() + $4::bigint * interval '1 millisecond'),
                      (now() + $3::bigint * interval '1 millisecond') at time zone 'utc')
