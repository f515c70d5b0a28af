-- $1 tenant filter, $2 caller, $3 session, $4 staff. The way into a meeting for who is in the course, also when that is closed.
select null, 200, training_session_seen(s, own or enrolled), s.row_version
from training_sessions s join courses c on c.id = s.course_id
cross join lateral (select coalesce(c.instructor_id = $2, false) or $4::boolean as own,
    exists (select from user_courses e where e.course_id = c.id and e.user_id = $2 and e.status is distinct from 'dropped') as enrolled) x
where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
  and (own or (c.is_active or enrolled) and s.status in ('approved', 'active', 'completed'))
