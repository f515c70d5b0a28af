-- One course with its modules, sessions, instructor and the caller's enrolment; contents and meetings for who is in it. $1 tenant filter, $2 caller ("": nobody), $3 course, $4 staff.
select null, 200, course_json(c)::jsonb || jsonb_build_object(
    'modules', coalesce((select json_agg(module_seen(m, inside) order by m.order_index, m.id) from course_modules m
                         where m.course_id = c.id and (m.is_active is not false or c.instructor_id = $2 or $4::boolean)), '[]'),
    'sessions', coalesce((select json_agg(training_session_seen(s, inside) order by s.start_date, s.id) from training_sessions s
                          where s.course_id = c.id and s.is_archived is not true
                            and (s.status in ('approved', 'active', 'completed') or c.instructor_id = $2 or $4::boolean)), '[]'),
    'instructor', (select json_build_object('id', p.id, 'firstName', p.first_name, 'lastName', p.last_name,
                                            'profileImageUrl', p.profile_image_url) from person_cards(array[c.instructor_id]) p),
    'enrollment', (select enrollment_json(e) from user_courses e where e.course_id = c.id and e.user_id = $2
                   and e.status is distinct from 'dropped' order by e.enrolled_at desc limit 1)), c.row_version
from courses c
cross join lateral (select coalesce(c.instructor_id = $2, false) or $4::boolean or course_entered(c.id, $2) as inside) x
where c.id = $3 and c.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
  and case when $2 = '' then c.is_public and c.is_active
                and exists (select from establishments e where e.id = c.establishment_id and e.is_active is not false)
           else course_seen(c, $2, $4) end
