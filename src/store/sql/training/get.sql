-- $1 tenant filter, $2 caller, $3 session, $4 staff. The way into a meeting for who is in the course, also when that is closed.
select null, 200, training_session_seen(s, own or enrolled), s.row_version
from training_sessions s join courses c on c.id = s.course_id
cross join lateral (select coalesce(c.instructor_id = $2, false) or $4::boolean as own,
    course_entered(c.id, $2) as enrolled) x
where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
  and (own or course_seen(c, $2, $4) and s.status in ('approved', 'active', 'completed'))
