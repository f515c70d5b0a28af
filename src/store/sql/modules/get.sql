-- $1 tenant filter, $2 caller, $3 module, $4 staff. Its contents for who is in the course, also when that is closed.
select null, 200, module_seen(m, own or enrolled), m.row_version
from course_modules m join courses c on c.id = m.course_id
cross join lateral (select coalesce(c.instructor_id = $2, false) or $4::boolean as own,
    exists (select from user_courses e where e.course_id = c.id and e.user_id = $2 and e.status is distinct from 'dropped') as enrolled) x
where m.id = $3 and m.establishment_id = coalesce($1, m.establishment_id) and (own or (c.is_active or enrolled) and m.is_active is not false)
