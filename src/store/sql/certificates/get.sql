-- $1 tenant filter, $2 caller, $3 certificate, $4 staff: its holder's, the course's instructor's, the staff's.
select null, 200, certificate_json(c) from certificates c
where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id) and (c.user_id = $2 or $4::boolean
    or exists (select from courses k where k.id = c.course_id and k.instructor_id = $2))
