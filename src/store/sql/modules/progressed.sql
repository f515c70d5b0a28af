-- After progress.sql, in its transaction: $1 tenant filter, $2 learner, $3 module, $4 who sees all. The course's progress, its completion and certificate.
-- The learner, the instructor and who manages courses hear of it.
with module as (
    select m.id, m.course_id, m.is_active is not false and course_entered(m.course_id, $2) as enrolled,
           coalesce(c.instructor_id = $2, false) or $4::boolean or m.is_active is not false and course_seen(c, $2, $4) as seen
    from course_modules m join courses c on c.id = m.course_id where m.id = $3 and m.establishment_id = coalesce($1, m.establishment_id)
), renewed as (
    select r.* from module, course_progress_renew($2, module.course_id) r where module.enrolled
), issued as (
    select certificates_issue(array[$2::text], module.course_id, null) as n from module, renewed where completed_now
)
select case when enrolled then null when seen then 'forbidden' else 'not_found' end, 200, json_build_object('module', (select module_progress_json(p) from user_module_progress p
           where p.module_id = module.id and p.user_id = $2), 'courseId', course_id, 'courseProgress', (select progress from renewed),
           'courseCompleted', coalesce((select completed_now from renewed), false)), 0,
       (select json_agg(n) from (
            select n from issued
            union all select activity('course_completed', jsonb_build_object('userId', $2::text, 'courseId', module.course_id)) from renewed
            where completed_now
            union all select json_build_object('userId', reader.id, 'event', 'progress', 'payload', json_build_object('userId', $2::text,
                'courseId', course_id, 'module', module_progress_json(p), 'courseProgress', renewed.progress,
                'courseCompleted', renewed.completed_now))
            from renewed, user_module_progress p, (
                select $2::text as id union select instructor_id from courses where id = module.course_id
                union select permission_holders('courses:manage')) reader
            where p.module_id = module.id and p.user_id = $2 and reader.id is not null) t)
from module
