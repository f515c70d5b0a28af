-- $1 hash of the code. Whose address it proved; null: no such code.
select email_verify($1)
