-- $1 sid, $2 user, $3 idle ms, $4 absolute ms, $5 what the browser says it is.
select session_create($1, $2, jsonb_build_object('absoluteExpire', now() + $4::bigint * interval '1 millisecond', 'createdAt', now(),
                                                 'userAgent', $5::text, 'address', nullif(current_setting('stacgate.address', true), '')),
                      (now() + $3::bigint * interval '1 millisecond') at time zone 'utc')
