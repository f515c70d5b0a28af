-- $1 tenant filter, $2 caller, $3 module, $4 staff. Its contents for who is in the course, also when that is closed.
select null, 200, module_seen(m, own or enrolled), m.row_version
from course_modules m join courses c on c.id = m.course_id
cross join lateral (select coalesce(c.instructor_id = $2, false) or $4::boolean as own,
    course_entered(c.id, $2) as enrolled) x
where m.id = $3 and m.establishment_id = coalesce($1, m.establishment_id) and (own or course_seen(c, $2, $4) and m.is_active is not false)
