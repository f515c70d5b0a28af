-- $1 hash of the code, $2 the new password's hash, $3 language, $4 whether API tokens stay. Whose it was; null: no such code.
select password_reset($1, $2, $3, $4::boolean)
