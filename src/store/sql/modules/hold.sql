-- $1 tenant filter, $2 module: its course's modules stay as they are until the end of this transaction, many may hold them at once; the caller's
-- place in the course is this transaction's, so that of two modules that they finish at once one is the last.
with held as (
    select c.id from courses c join course_modules m on m.course_id = c.id
    where m.id = $2 and m.establishment_id = coalesce($1, m.establishment_id) for share of c
)
select e.id from held join user_courses e on e.course_id = held.id and e.user_id = nullif(current_setting('stacgate.user_id', true), '')
order by e.id for no key update of e
