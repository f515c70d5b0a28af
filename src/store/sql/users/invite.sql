-- After create.sql, in one group: the account has no password yet. $1 e-mail, $2 hash of the code, $3 the code, $4 language, $5 link
-- to put before the code or null. No row: it was refused.
select user_invite(u.id, $2, $3, $4, $5) from users u where u.email = lower($1)
