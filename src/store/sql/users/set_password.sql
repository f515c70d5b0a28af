-- $1 hash of the code, $2 the new password's hash. Whose it was; null: no such code.
select password_set($1, $2)
