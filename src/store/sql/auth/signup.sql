-- $1 establishment id, $2 or slug, $3 e-mail, $4 hash, $5 first name, $6 last name, $7 username, $8 sid, $9 idle ms, $10 absolute ms,
-- $11 hash of the verification code, $12 the code, $13 language, $14 link to put before the code or null, $15 browser, $16 the host
-- that was asked: its school, when none is named.
-- (outcome, user, establishment, whom to tell)
select outcome, user_id, establishment_id,
       case when user_id is not null then json_build_array(activity('user_registered', jsonb_build_object('userId', user_id), establishment_id)) end
from signup(case when $1::text is null and $2::text is null then establishment_at(null, $16) else $1::text end, $2::text, $3, $4, $5, $6, $7, $8,
            jsonb_build_object('absoluteExpire', now() + $10::bigint * interval '1 ms', 'createdAt', now(), 'userAgent', $15::text,
                'address', nullif(current_setting('stacgate.address', true), '')),
            (now() + $9::bigint * interval '1 ms') at time zone 'utc', $11, $12, $13, $14)
