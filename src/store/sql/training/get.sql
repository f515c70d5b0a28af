-- $1 tenant filter, $2 caller, $3 session, $4 staff.
select null, 200, training_session_json(s), s.row_version from training_sessions s join courses c on c.id = s.course_id
where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
  and (c.instructor_id = $2 or $4::boolean or c.is_active and s.status in ('approved', 'active', 'completed'))
