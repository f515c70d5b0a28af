-- The sessions of a course, by their start. $1 tenant filter, $2 caller, $3 course, $4 staff.
select case when not (c.is_active or c.instructor_id = $2 or $4::boolean) then 'not_found' end, 200, coalesce((
    select json_agg(training_session_json(s) order by s.start_date, s.id) from training_sessions s
    where s.course_id = c.id and (c.instructor_id = $2 or $4::boolean or s.status in ('approved', 'active', 'completed'))), '[]')
from courses c where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id)
