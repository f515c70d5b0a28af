-- $1 tenant filter, $2 caller, $3 course (its row is locked), $4 the body (learnerId, finalGrade), $5 staff, $6 who sees all: done, with its certificate; nobody
-- certifies themselves, and what was revoked is issued again by staff alone.
with course as (
    select c.*, coalesce(c.instructor_id = $2, false) or $5::boolean as own from courses c
    where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id) and course_seen(c, $2, $6)
), learner as (
    select e.* from user_courses e where e.course_id = $3 and e.user_id = $4::jsonb ->> 'learnerId' and e.status is distinct from 'dropped'
), refusal as (
    select case when not own then 'forbidden' when $4::jsonb ->> 'learnerId' = $2 then 'own_work' when not exists (select from learner) then 'not_found' end as word from course
), done as (
    update user_courses e set status = 'completed', progress = 100, completed_at = coalesce(e.completed_at, now() at time zone 'utc'),
        final_grade = coalesce(replace($4::jsonb ->> 'finalGrade', ',', '.')::numeric, e.final_grade), updated_at = now() at time zone 'utc'
    from learner, refusal where e.id = learner.id and word is null returning e
), issued as (
    select certificates_issue(array[(e).user_id::text], (e).course_id, $2) as n from done
    where $5::boolean or not exists (select from certificates k where k.user_id = (e).user_id and k.course_id = (e).course_id and k.is_valid is false)
)
select word, 200, (select answer(enrollment_json(e)) from done limit 1), 0, (select json_agg(n) from (
           select n from issued
           union all select activity('course_completed', jsonb_build_object('userId', (e).user_id, 'courseId', $3::text)) from done, learner
           where learner.status is distinct from 'completed') t)
from refusal
