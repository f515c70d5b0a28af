-- $1 seconds: classes of all schools whose breakout rooms are to be closed by then.
select establishment_id, id from breakouts_due($1::integer)
