-- $1 tenant filter, $2 caller: where they stand in each of their courses, when no course is asked about.
select null, 200, json_build_object('courses', coalesce(json_agg(json_build_object('courseId', c.id, 'title', c.title, 'status', e.status,
    'progress', coalesce(e.progress, 0), 'enrolledAt', iso8601(e.enrolled_at), 'completedAt', iso8601(e.completed_at))
    order by e.enrolled_at desc, e.id), '[]'))
from user_courses e join courses c on c.id = e.course_id
where e.user_id = $2 and e.establishment_id = coalesce($1, e.establishment_id) and e.status is distinct from 'dropped'
