-- $1 e-mail, $2 hash of the code, $3 the code, $4 language, $5 link before the code or null, $6 most an hour. Seconds to wait, whoever it is;
-- null: done.
select password_ask($1, $2, $3, $4, $5, $6::integer)
