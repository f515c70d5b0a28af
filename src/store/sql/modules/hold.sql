-- $1 tenant filter, $2 module: its course's modules stay as they are until the end of this transaction; many may hold them at once.
select c.id from courses c join course_modules m on m.course_id = c.id
where m.id = $2 and m.establishment_id = coalesce($1, m.establishment_id) for share of c
