-- $1 tenant filter, $2 caller, $3 session, $4 staff. The way into a meeting for who is in the course.
select null, 200, training_session_seen(s, coalesce(c.instructor_id = $2, false) or $4::boolean or exists (
    select from user_courses e where e.course_id = c.id and e.user_id = $2 and e.status is distinct from 'dropped')), s.row_version from training_sessions s join courses c on c.id = s.course_id
where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
  and (c.instructor_id = $2 or $4::boolean or c.is_active and s.status in ('approved', 'active', 'completed'))
