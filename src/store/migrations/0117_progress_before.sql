-- What an old installation says of a learner's progress has no modules behind it: the first one that they finish would have made 10 of 60. It stays
-- the least that their enrolment says, until their modules say as much; who had completed the course has, also when they leave and come back.
--
-- user_courses.progress_before      that progress, in per cent; null: the modules alone count
-- course_progress_renew, course_progress_recount      as before, and never below it

alter table user_courses add column if not exists progress_before integer;
with modules as (
    select e.id, count(p.id) > 0 as begun,
           least(coalesce(round(avg(case when p.status = 'completed' then 100 else least(coalesce(p.progress_percentage, 0), 99) end)), 0), 99) as percent
    from user_courses e
    left join course_modules m on m.course_id = e.course_id and m.is_active is not false and m.is_required is not false
    left join user_module_progress p on p.module_id = m.id and p.user_id = e.user_id group by e.id
)
update user_courses e set progress_before = case when e.status = 'completed' then 100 else least(e.progress, 100) end
from modules m where m.id = e.id and case e.status when 'completed' then e.progress is distinct from 100
                                                  when 'dropped' then e.progress > m.percent and not m.begun -- else what has changed since they left
                                                  else e.progress > m.percent end;

create or replace function course_progress_renew(p_user text, p_course text) returns table (progress integer, completed_now boolean)
language sql volatile as $$
    with part as (
        select least(coalesce(round(avg(case when p.status = 'completed' then 100 else least(coalesce(p.progress_percentage, 0), 99) end)), 0), 99)::integer
                   as percent, count(*) > 0 and bool_and(p.status is not distinct from 'completed') as done
        from course_modules m left join user_module_progress p on p.module_id = m.id and p.user_id = p_user
        where m.course_id = p_course and m.is_active is not false and m.is_required is not false
    ), old as (
        select e.id, e.status from user_courses e where e.user_id = p_user and e.course_id = p_course and e.status is distinct from 'dropped'
    ), new as (
        update user_courses e set progress = case when done or e.status = 'completed' then 100 else greatest(percent, e.progress_before) end,
            progress_before = nullif(greatest(percent, e.progress_before), percent),
            status = case when done or e.status = 'completed' then 'completed' else 'in_progress' end,
            started_at = coalesce(e.started_at, now() at time zone 'utc'), last_accessed_at = now() at time zone 'utc',
            completed_at = case when done then coalesce(e.completed_at, now() at time zone 'utc') else e.completed_at end,
            updated_at = now() at time zone 'utc'
        from part, old where e.id = old.id returning e.progress, e.status = 'completed' and old.status is distinct from 'completed' as fresh
    )
    select progress, fresh from new order by fresh desc, progress desc limit 1
$$;

create or replace function course_progress_recount(p_course text) returns setof json language sql volatile as $$
    with part as (
        select e.id, bool_and(p.status is not distinct from 'completed') as done,
               least(round(avg(case when p.status = 'completed' then 100 else least(coalesce(p.progress_percentage, 0), 99) end)), 99)::integer as percent
        from user_courses e
        join course_modules m on m.course_id = e.course_id and m.is_active is not false and m.is_required is not false
        left join user_module_progress p on p.module_id = m.id and p.user_id = e.user_id
        where e.course_id = p_course and e.status in ('enrolled', 'in_progress') group by e.id having count(p.id) > 0
    ), new as (
        update user_courses e set progress = case when done then 100 else greatest(percent, e.progress_before) end,
            progress_before = nullif(greatest(percent, e.progress_before), percent),
            status = case when done then 'completed' else e.status end,
            completed_at = case when done then coalesce(e.completed_at, now() at time zone 'utc') else e.completed_at end,
            updated_at = now() at time zone 'utc'
        from part where e.id = part.id and (done or e.progress is distinct from greatest(percent, e.progress_before)) returning e.user_id, done
    ), ended as (
        select array_agg(distinct user_id::text) as learners from new where done
    )
    select certificates_issue(learners, p_course, null) from ended where learners is not null
    union all select activity('course_completed', jsonb_build_object('userId', learner, 'courseId', p_course)) from ended, unnest(learners) learner
$$;
