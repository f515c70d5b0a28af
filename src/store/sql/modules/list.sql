-- The modules of a course in their order, with the caller's progress. $1 tenant filter, $2 caller, $3 course, $4 staff.
select case when not (c.is_active or c.instructor_id = $2 or $4::boolean) then 'not_found' end, 200, coalesce((
    select json_agg(module_json(m)::jsonb || jsonb_build_object('progress', (select module_progress_json(p) from user_module_progress p
                    where p.module_id = m.id and p.user_id = $2)) order by m.order_index, m.id)
    from course_modules m where m.course_id = c.id and (m.is_active is not false or c.instructor_id = $2 or $4::boolean)), '[]')
from courses c where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id)
