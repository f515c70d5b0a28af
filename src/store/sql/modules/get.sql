-- $1 tenant filter, $2 caller, $3 module, $4 staff.
select null, 200, module_json(m), m.row_version from course_modules m join courses c on c.id = m.course_id
where m.id = $3 and m.establishment_id = coalesce($1, m.establishment_id)
  and (c.instructor_id = $2 or $4::boolean or c.is_active and m.is_active is not false)
