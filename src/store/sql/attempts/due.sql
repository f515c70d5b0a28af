-- $1 seconds: attempts of all schools whose time is up by then, or that wait for their grade.
select establishment_id, id from attempts_due($1::integer)
