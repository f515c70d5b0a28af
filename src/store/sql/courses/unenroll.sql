-- $1 tenant filter, $2 who, $3 course (its row is locked), $4 staff. Dropping what is not there is no error: 200.
with course as (
    select c.* from courses c where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id)
      and (course_seen(c, $2, $4) or exists (select from user_courses e where e.course_id = c.id and e.user_id = $2))
), out as (
    update user_courses e set status = 'dropped', updated_at = now() at time zone 'utc'
    from course where e.course_id = course.id and e.user_id = $2 and e.status is distinct from 'dropped' returning 1
), counted as (
    update courses c set enrollment_count = (select count(*) from user_courses e where e.course_id = $3 and e.status is distinct from 'dropped')
                                            - (select count(*) from out)
    where c.id = $3 and exists (select from out) returning c.enrollment_count
)
select null, 200, json_build_object('courseId', id, 'status', 'dropped', 'enrolled', false,
    'enrollmentCount', coalesce((select enrollment_count from counted), enrollment_count, 0)), 0,
    (select json_agg(n) from (
        select channel_look('course:' || id) as n
        union all select channel_look('assessment:' || a.id) from out, assessments a where a.course_id = $3 and (a.is_public is false or course.is_active is not true)
        union all select activity('course_left', jsonb_build_object('userId', $2::text, 'courseId', $3::text)) from out) t)
from course
