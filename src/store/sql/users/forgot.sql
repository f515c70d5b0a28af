-- $1 e-mail, $2 hash of the code, $3 the code, $4 language, $5 link before the code or null. Answers nothing, whoever it is.
select password_forgot($1, $2, $3, $4, $5)
