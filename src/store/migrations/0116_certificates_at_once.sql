-- What many earn or are told at once is one statement, not one a person; and its plan is kept: a function in SQL that another calls is planned
-- anew at each call, which was nine tenths of a certificate.
--
-- notify_all(users, type, data, title_fr, title_en, message_fr, message_en) -> set of json
--     notify for each, data[n] is of users[n]
-- certificates_issue(users, course, issuer) -> set of json
--     one for each who has none that stands; whom to tell. In a list of columns, where `where` decides before it is called

create function notify_all(p_users text[], p_type text, p_data jsonb[], title_fr text, title_en text, message_fr text, message_en text)
returns setof json language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
begin
    return query with reader as (
        select u.id, u.establishment_id, u.preferences ->> 'language' = 'en' as english, t.about from unnest(p_users, p_data) t (id, about)
        join users u on u.id = t.id and u.establishment_id is not null and u.is_active is not false
        where not exists (select from notification_preferences x where x.user_id = u.id and x.type = p_type::notification_type
                          and x.medium = 'app' and not x.enabled)
    ), made as (
        insert into notifications (user_id, establishment_id, type, title, message, data, is_read, created_at)
        select r.id, r.establishment_id, p_type::notification_type, case when english then title_en else title_fr end,
               case when english then message_en else message_fr end, about, false, now() at time zone 'utc' from reader r
        returning notifications as n
    )
    select json_build_object('userId', (n).user_id, 'event', 'notification', 'payload', notification_json(n)) from made;
end $$;

create function certificates_issue(p_users text[], p_course text, p_issuer text) returns setof json
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
begin
    return query with made as (
        insert into certificates (user_id, course_id, establishment_id, certificate_number, title, verification_code, issue_date, is_valid, issued_by)
        select learner, c.id, c.establishment_id, 'SG-' || to_char(now() at time zone 'utc', 'YYYY') || '-'
                   || upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 12)), c.title,
               replace(gen_random_uuid()::text, '-', ''), now() at time zone 'utc', true, p_issuer
        from courses c, (select distinct unnest(p_users) as learner) l where c.id = p_course
          and not exists (select from certificates k where k.user_id = learner and k.course_id = p_course and k.is_valid is not false)
        returning certificates as k
    ), told as (
        select array_agg((k).user_id::text) as users, array_agg(jsonb_build_object('certificateId', (k).id, 'courseId', (k).course_id,
                   'verificationCode', (k).verification_code)) as data, (k).title from made group by (k).title
    )
    select notify_all(users, 'system_update', data, 'Certificat obtenu', 'Certificate earned',
        'Votre certificat « ' || title || ' » est disponible.', 'Your certificate "' || title || '" is available.') from told;
end $$;
drop function certificate_issue(text, text, text);

create or replace function course_progress_recount(p_course text) returns setof json language sql volatile as $$
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
    ), ended as (
        select array_agg(distinct user_id::text) as learners from new where done
    )
    select certificates_issue(learners, p_course, null) from ended where learners is not null
    union all select activity('course_completed', jsonb_build_object('userId', learner, 'courseId', p_course)) from ended, unnest(learners) learner
$$;
