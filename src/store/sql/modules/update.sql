-- $1 tenant filter, $2 caller, $3 module (its course's row is locked), $4 the body, $5 staff, $6 the versions of which one must still stand or null, $7 who sees all.
with old as (
    select m.*, coalesce(c.instructor_id = $2, false) or $5::boolean as own from course_modules m join courses c on c.id = m.course_id
    where m.id = $3 and m.establishment_id = coalesce($1, m.establishment_id)
      and ($7::boolean or coalesce(c.instructor_id = $2, false) or course_seen(c, $2, $7) and m.is_active is not false) for no key update of m
), refusal as (
    select case when not own then 'forbidden' when row_version <> all($6::bigint[]) then 'stale' end as word from old
), new as (
    update course_modules m set title = coalesce(b ->> 'title', m.title), description = coalesce(b ->> 'description', m.description),
        order_index = coalesce((b ->> 'orderIndex')::integer, m.order_index), content_type = coalesce(b ->> 'contentType', m.content_type),
        content_url = coalesce(b ->> 'contentUrl', m.content_url), content_data = coalesce(b -> 'contentData', m.content_data),
        duration = coalesce((b ->> 'duration')::integer, m.duration), is_required = coalesce((b ->> 'isRequired')::boolean, m.is_required),
        is_active = coalesce((b ->> 'isActive')::boolean, m.is_active), row_version = m.row_version + 1, updated_at = now() at time zone 'utc'
    from (select $4::jsonb as b) body, refusal where m.id = $3 and word is null returning m, (select is_active is not false from old) as open_before,
        (select is_active is not false and is_required is not false from old) as counted_before, (select order_index from old) as place_before
)
select word, 200, (select module_json(m) from new), (select (m).row_version from new),
       (select json_agg(n) from (
            select channel_say('course:' || (m).course_id, 'module:published', json_build_object('module', module_json(m)::jsonb - 'contentData'), $2) as n
            from new where (m).is_active and not open_before
            union all select channel_say('course:' || (m).course_id, 'module:removed', json_build_object('moduleId', (m).id), $2)
            from new where not (m).is_active and open_before
            union all select channel_say('course:' || (m).course_id, 'modules:ordered', json_build_object('moduleIds', (
                select json_agg(x.id order by case when x.id = (m).id then (m).order_index else x.order_index end, x.id)
                from course_modules x where x.course_id = (m).course_id and x.is_active is not false)), $2)
            from new where (m).is_active is not false and open_before and (m).order_index <> place_before
            union all select n from new, course_progress_recount((m).course_id) n
            where counted_before <> ((m).is_active is not false and (m).is_required is not false)) t)
from refusal
