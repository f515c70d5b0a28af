-- $1 tenant filter, $2 module: its course's row is this transaction's until the end, so that nobody's progress is counted by modules that change.
select c.id from courses c join course_modules m on m.course_id = c.id
where m.id = $2 and m.establishment_id = coalesce($1, m.establishment_id) for no key update of c
