-- $1 tenant filter, $2 who, $3 course (its row is locked), $4 the body (sessionId), $5 who sees all. 201 for a new place, 200 for one that was
-- there. Counts are counted anew: they are exact whatever was wrong before; so is the progress of who comes back, as modules may have changed.
with course as (
    select c.*, course_seen(c, $2, $5) as visible from courses c
    where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id)
), session as (
    select s.* from training_sessions s join course c on s.course_id = c.id where s.id = $4::jsonb ->> 'sessionId'
), mine as (
    select e.* from user_courses e where e.course_id = $3 and e.user_id = $2
    order by (e.status = 'dropped'), e.enrolled_at desc limit 1
), refusal as (
    select case when not visible then 'not_found'
                when $4::jsonb ? 'sessionId' and not exists (select from session) then 'not_found'
                when exists (select from mine where status is distinct from 'dropped'
                             and session_id is not distinct from coalesce($4::jsonb ->> 'sessionId', session_id)) then null
                when is_active is not true then 'course_closed'
                when exists (select from session where status not in ('approved', 'active') or is_archived
                                                       or end_date < now() at time zone 'utc') then 'course_closed'
                when not exists (select from mine where status is distinct from 'dropped')
                     and max_participants <= (select count(*) from user_courses e where e.course_id = $3 and e.status is distinct from 'dropped')
                     then 'course_full'
                when (select max_participants from session) <=
                     (select count(*) from user_courses e where e.session_id = $4::jsonb ->> 'sessionId' and e.status is distinct from 'dropped')
                     then 'course_full' end as word
    from course
), stands as (
    select bool_and(p.status is not distinct from 'completed') as done,
           least(round(avg(case when p.status = 'completed' then 100 else least(coalesce(p.progress_percentage, 0), 99) end)), 99)::integer as percent
    from mine join course_modules m on m.course_id = mine.course_id and m.is_active is not false and m.is_required is not false
    left join user_module_progress p on p.module_id = m.id and p.user_id = mine.user_id
    where mine.status = 'dropped' and coalesce(mine.progress, 0) < 100 having count(p.id) > 0
), back as (
    select mine.id, case when done then 100 else greatest(coalesce(percent, mine.progress, 0), mine.progress_before) end as progress, coalesce(done, false) as done
    from mine left join stands on true where mine.status = 'dropped'
), again as (
    update user_courses e set session_id = coalesce($4::jsonb ->> 'sessionId', case when back.id is null then e.session_id end),
        status = case when back.id is null then e.status when back.progress >= 100 then 'completed' when back.progress > 0 then 'in_progress' else 'enrolled' end,
        progress = coalesce(back.progress, e.progress), completed_at = case when back.done then coalesce(e.completed_at, now() at time zone 'utc') else e.completed_at end,
        enrolled_at = case when back.id is null then e.enrolled_at else now() at time zone 'utc' end, updated_at = now() at time zone 'utc'
    from mine left join back using (id), refusal where e.id = mine.id and word is null returning e, back.id is not null as fresh, coalesce(back.done, false) as done
), fresh as (
    insert into user_courses as e (user_id, course_id, establishment_id, session_id, status, progress, enrolled_at)
    select $2, course.id, course.establishment_id, $4::jsonb ->> 'sessionId', 'enrolled', 0, now() at time zone 'utc'
    from course, refusal where word is null and not exists (select from mine) returning e
), place as (
    select e, true as fresh, false as done from fresh union all select e, fresh, done from again
), counted as (
    update courses c set enrollment_count = (select count(*) from user_courses e where e.course_id = $3 and e.status is distinct from 'dropped') + 1
    from place where c.id = $3 and place.fresh returning c.enrollment_count
)
select word, (select case when fresh then 201 else 200 end from place),
       (select answer((enrollment_json(e)::jsonb || jsonb_build_object('enrollmentCount',
            coalesce((select enrollment_count from counted), (select enrollment_count from course))))::json,
            case when fresh then 201 else 200 end) from place), 0,
       (select json_agg(n) from (
            select n from place, lateral (values (channel_look('course:' || $3::text)),
            (activity('course_enrolled', jsonb_build_object('userId', $2::text, 'courseId', $3::text)))) t (n) where fresh
            union all select certificates_issue(array[$2::text], $3, null) from place where done
            union all select activity('course_completed', jsonb_build_object('userId', $2::text, 'courseId', $3::text)) from place where done
            union all select channel_look('assessment:' || a.id) from place, assessments a where fresh and a.course_id = $3 and a.is_public is false) t)
from refusal
