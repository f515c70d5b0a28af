-- What a course teaches is for who is in it, and its modules may change under its learners.
--
-- module_seen(module, inside), training_session_seen(session, inside) -> jsonb      without contents or the way into the meeting for whoever
--     is not enrolled, its instructor or staff
-- course_progress_renew(user, course) -> table (progress, completed_now)     as before; what is completed stays at 100
-- course_progress_recount(course) -> set of json      its learners' progress after a change of its modules: who has done all that is left is
--     done; whom to tell. Not of those who never began a module, as an adopted progress has no modules behind it

create function module_seen(m course_modules, inside boolean) returns jsonb language sql stable as $$
    select module_json(m)::jsonb || case when inside then '{}' else '{"contentUrl": null, "contentData": null}' end::jsonb
$$;
create function training_session_seen(s training_sessions, inside boolean) returns jsonb language sql stable as $$
    select training_session_json(s)::jsonb || case when inside then '{}' else '{"meetingUrl": null, "meetingId": null}' end::jsonb
$$;

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
        update user_courses e set progress = case when done or e.status = 'completed' then 100 else percent end,
            status = case when done or e.status = 'completed' then 'completed' else 'in_progress' end,
            started_at = coalesce(e.started_at, now() at time zone 'utc'), last_accessed_at = now() at time zone 'utc',
            completed_at = case when done then coalesce(e.completed_at, now() at time zone 'utc') else e.completed_at end,
            updated_at = now() at time zone 'utc'
        from part, old where e.id = old.id returning e.progress, e.status = 'completed' and old.status is distinct from 'completed' as fresh
    )
    select progress, fresh from new order by fresh desc limit 1
$$;

create function course_progress_recount(p_course text) returns setof json language sql volatile as $$
    with part as (
        select e.id, bool_and(p.status is not distinct from 'completed') as done,
               least(round(avg(case when p.status = 'completed' then 100 else least(coalesce(p.progress_percentage, 0), 99) end)), 99)::integer as percent
        from user_courses e
        join course_modules m on m.course_id = e.course_id and m.is_active is not false and m.is_required is not false
        left join user_module_progress p on p.module_id = m.id and p.user_id = e.user_id
        where e.course_id = p_course and e.status in ('enrolled', 'in_progress') group by e.id having count(p.id) > 0
    ), new as (
        update user_courses e set progress = case when done then 100 else percent end, status = case when done then 'completed' else e.status end,
            completed_at = case when done then coalesce(e.completed_at, now() at time zone 'utc') else e.completed_at end,
            updated_at = now() at time zone 'utc'
        from part where e.id = part.id and (done or e.progress is distinct from percent) returning e.user_id, done
    )
    select n from new, lateral (values (certificate_issue(user_id, p_course, null)),
        (activity('course_completed', jsonb_build_object('userId', user_id, 'courseId', p_course)))) t (n)
    where done and n is not null
$$;
