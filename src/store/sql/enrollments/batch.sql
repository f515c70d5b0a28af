-- $1 tenant filter, $2 caller, $3 course (its row is locked), $4 the body (learnerIds), $5 staff, $6 who sees all: a result for each, in the order given,
-- with the status that it would have alone: enrolled 201, already 200, not_found 404, full 409. Places go in that order; who comes back has the
-- progress that the modules give by now.
with course as (
    select c.*, coalesce(c.instructor_id = $2, false) or $5::boolean as own,
           c.max_participants - (select count(*) from user_courses e where e.course_id = c.id and e.status is distinct from 'dropped') as places
    from courses c where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id) and course_seen(c, $2, $6)
), refusal as (select case when not own then 'forbidden' when is_active is not true then 'course_closed' end as word from course), ids as (
    select id, min(place) as place from jsonb_array_elements_text($4::jsonb -> 'learnerIds') with ordinality as t (id, place) group by 1
), judged as (
    select ids.id, ids.place, u.id is not null as known, e.id is not null as there,
           row_number() over (partition by u.id is not null and e.id is null order by ids.place) as nth
    from course, ids left join users u on u.id = ids.id and u.establishment_id = current_setting('stacgate.establishment_id') and u.is_active is not false
    left join user_courses e on e.course_id = $3 and e.user_id = ids.id and e.status is distinct from 'dropped'
), results as (
    select id, place, case when not known then 'not_found' when there then 'already' when nth > (select coalesce(places, nth) from course) then 'full'
                           else 'enrolled' end as result from judged
), back as (
    select d.id, case when done then 100 else greatest(coalesce(percent, d.progress, 0), d.progress_before) end as progress, coalesce(done, false) as done
    from (select distinct on (d.user_id) d.* from user_courses d join results r on r.id = d.user_id and r.result = 'enrolled'
          where d.course_id = $3 and d.status = 'dropped' order by d.user_id, d.enrolled_at desc) d
    left join lateral (
        select bool_and(p.status is not distinct from 'completed') as done,
               least(round(avg(case when p.status = 'completed' then 100 else least(coalesce(p.progress_percentage, 0), 99) end)), 99)::integer as percent
        from course_modules m left join user_module_progress p on p.module_id = m.id and p.user_id = d.user_id
        where m.course_id = $3 and m.is_active is not false and m.is_required is not false and coalesce(d.progress, 0) < 100 having count(p.id) > 0) x on true
), again as (
    update user_courses e set status = case when back.progress >= 100 then 'completed' when back.progress > 0 then 'in_progress' else 'enrolled' end,
        progress = back.progress, completed_at = case when done then coalesce(e.completed_at, now() at time zone 'utc') else e.completed_at end, session_id = null,
        enrolled_at = now() at time zone 'utc', updated_at = now() at time zone 'utc'
    from refusal, back where e.id = back.id and word is null returning e.user_id, done
), fresh as (
    insert into user_courses (user_id, course_id, establishment_id, status, progress, enrolled_at)
    select r.id, course.id, course.establishment_id, 'enrolled', 0, now() at time zone 'utc' from results r, course, refusal
    where word is null and r.result = 'enrolled'
      and not exists (select from user_courses d where d.course_id = $3 and d.user_id = r.id and d.status = 'dropped') returning user_id
), counted as (
    update courses c set enrollment_count = (select count(*) from user_courses e where e.course_id = $3 and e.status is distinct from 'dropped')
                                            + (select count(*) from again) + (select count(*) from fresh)
    from refusal where c.id = $3 and word is null returning enrollment_count
)
select word, 200, answer(json_build_object('enrolled', (select count(*) from results where result = 'enrolled'),
       'enrollmentCount', (select enrollment_count from counted),
       'results', (select json_agg(json_build_object('learnerId', id, 'result', result, 'status',
           case result when 'enrolled' then 201 when 'not_found' then 404 when 'full' then 409 else 200 end) order by place) from results))), 0,
       (select json_agg(n) from (
            select notify_all(learners, 'course_enrollment', data, 'Nouveau cours', 'New course', 'Vous êtes inscrit(e) à « ' || title || ' ».',
                              'You were enrolled in "' || title || '".') as n
            from course, (select array_agg(id) as learners, array_agg(jsonb_build_object('courseId', $3::text)) as data from results
                          where result = 'enrolled') r where word is null and learners is not null
            union all select channel_look('course:' || id) from course where word is null
            union all select channel_look('assessment:' || a.id) from course, assessments a where word is null and a.course_id = course.id and a.is_public is false
            union all select activity('course_enrolled', jsonb_build_object('userId', r.id, 'courseId', course.id)) from results r, course
            where r.result = 'enrolled' and word is null
            union all select certificates_issue(learners, $3, null) from (select array_agg(user_id::text) as learners from again where done) a
            where learners is not null
            union all select activity('course_completed', jsonb_build_object('userId', user_id, 'courseId', $3::text)) from again where done) t)
from refusal
