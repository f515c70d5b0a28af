-- $1 the new password's hash, $2 the caller's session, $3 language. The sessions that ended.
select password_change($1, $2, $3)
