-- $1 tenant filter, $2 course: its row is this transaction's until the end.
select id from courses where id = $2 and establishment_id = coalesce($1, establishment_id) for no key update
