-- $1 tenant filter, $2 session: its course's row is this transaction's until the end, as it is while somebody enrols.
select c.id from courses c join training_sessions s on s.course_id = c.id
where s.id = $2 and s.establishment_id = coalesce($1, s.establishment_id) for no key update of c
