-- After create.sql, in one transaction: the account that it made has no password yet. An older account of that address, which a refused
-- request may name, has another time. $1 e-mail, $2 hash of the code, $3 the code, $4 language, $5 link to put before the code or null.
select user_invite(u.id, $2, $3, $4, $5) from users u where u.email = lower($1) and u.created_at = now() at time zone 'utc'
