-- $1 tenant filter, $2 caller, $3 course (its row is locked), $4 the body, $5 staff, $6 who sees all. Without a place it comes last.
with course as (
    select c.*, coalesce(c.instructor_id = $2, false) or $5::boolean as own from courses c
    where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id) and course_seen(c, $2, $6)
), refusal as (select case when not own then 'forbidden' end as word from course), made as (
    insert into course_modules (course_id, establishment_id, title, description, order_index, content_type, content_url, content_data, duration,
                                is_required, is_active, created_at, updated_at)
    select course.id, establishment_id, b ->> 'title', b ->> 'description', coalesce((b ->> 'orderIndex')::integer,
               (select coalesce(max(order_index), 0) + 1 from course_modules m where m.course_id = $3)),
           coalesce(b ->> 'contentType', 'text'), b ->> 'contentUrl', b -> 'contentData', (b ->> 'duration')::integer,
           coalesce((b ->> 'isRequired')::boolean, true), coalesce((b ->> 'isActive')::boolean, true), now() at time zone 'utc', now() at time zone 'utc'
    from course, refusal, (select $4::jsonb as b) body where word is null returning course_modules as m
)
select word, 201, (select answer(module_json(m)) from made), 1,
       (select json_agg(n) from (
            select channel_say('course:' || (m).course_id, 'module:published', json_build_object('module', module_json(m)::jsonb - 'contentData'), $2) as n
            from made where (m).is_active
            union all select n from made, course_progress_recount((m).course_id) n where (m).is_active and (m).is_required) t)
from refusal
