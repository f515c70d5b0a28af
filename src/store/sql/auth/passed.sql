-- $1 user, $2 better hash or null, $3 account key, $4 address key.
select signin_passed($1, $2, $3, $4)
