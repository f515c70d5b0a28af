-- $1 tenant filter, $2 caller, $3 the query (courseId, limit), $4 staff, $5 who sees all: per learner and per module, for staff and the course's instructor;
-- one's own for everybody else. A module's average is of all who are enrolled, as the course's is.
with course as (
    select c.*, $4::boolean or coalesce(c.instructor_id = $2, false) as own, course_seen(c, $2, $5) as seen from courses c
    where c.id = $3::jsonb ->> 'courseId' and c.establishment_id = coalesce($1, c.establishment_id)
), learners as materialized (
    select e.* from course join user_courses e on e.course_id = course.id
    where e.status is distinct from 'dropped' and (course.own or e.user_id = $2)
), progress as (
    select m.id, count(p.*) filter (where p.status = 'completed') as completed, count(p.*) filter (where p.status = 'in_progress') as in_progress,
           coalesce(round(sum(case when p.status = 'completed' then 100 else p.progress_percentage end)::numeric / (select nullif(count(distinct user_id), 0) from learners), 2), 0)
               as average, round(avg(p.score), 2) as score
    from course join course_modules m on m.course_id = course.id and (course.own or m.is_active is not false)
    left join user_module_progress p on p.module_id = m.id and p.user_id in (select user_id from learners) group by 1
)
select case when not own and not exists (select from learners) then case when seen then 'forbidden' else 'not_found' end end, 200, json_build_object('courseId', c.id, 'title', c.title,
    'enrolled', (select count(*) from learners), 'completed', (select count(*) from learners where status = 'completed'),
    'averageProgress', coalesce((select round(avg(progress), 2) from learners), 0),
    'completionRate', coalesce((select round(100.0 * count(*) filter (where status = 'completed') / nullif(count(*), 0), 2) from learners), 0),
    'modules', coalesce((select json_agg(json_build_object('moduleId', m.id, 'title', m.title, 'orderIndex', m.order_index,
            'isRequired', m.is_required is not false, 'completed', p.completed, 'inProgress', p.in_progress, 'averageProgress', p.average,
            'averageScore', p.score) order by m.order_index, m.id) from progress p join course_modules m using (id)), '[]'),
    'learners', coalesce((select json_agg(json_build_object('userId', l.user_id, 'firstName', u.first_name, 'lastName', u.last_name,
            'status', l.status, 'progress', coalesce(l.progress, 0), 'enrolledAt', iso8601(l.enrolled_at), 'completedAt', iso8601(l.completed_at),
            'lastAccessedAt', iso8601(l.last_accessed_at), 'finalGrade', l.final_grade::text) order by l.enrolled_at desc, l.id)
        from (select * from learners order by enrolled_at desc, id limit coalesce(($3::jsonb ->> 'limit')::bigint, 200)) l
        left join users u on u.id = l.user_id), '[]'))
from course c
