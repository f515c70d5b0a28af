-- $1 caller, $2 group: do they hold an invitation?
select stacgate_invited($2, $1)
