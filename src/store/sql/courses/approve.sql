-- $1 tenant filter, $2 course, $3 caller: open to learners; its instructor hears of it, once.
with old as (
    select c.id, coalesce(c.is_active, false) as was_open from courses c where c.id = $2 and c.establishment_id = coalesce($1, c.establishment_id) for no key update
), changed as (
    update courses c set is_active = true, row_version = c.row_version + 1, updated_at = now() at time zone 'utc'
    from old where c.id = old.id returning c, old.was_open
)
select null, 200, answer(course_json(c)), (c).row_version,
       (select json_agg(n) from (
            select course_published(c, $3) as n where not was_open
            union all select channel_say('course:' || (c).id, 'course:updated', json_build_object('course', course_json(c)), $3)
            union all select channel_look('assessment:' || a.id) from assessments a where a.course_id = (c).id and not was_open) t
        where n is not null) from changed
