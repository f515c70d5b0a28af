-- $1 seconds: polls of all schools that are to be closed by then.
select establishment_id, group_id, id, closes_ms, author from polls_due($1::integer)
