-- $1 tenant filter, $2 course, $3 caller: open to learners; its instructor hears of it.
with changed as (
    update courses c set is_active = true, row_version = c.row_version + 1, updated_at = now() at time zone 'utc'
    where c.id = $2 and c.establishment_id = coalesce($1, c.establishment_id) returning c
)
select null, 200, answer(course_json(c)), (c).row_version,
       (select json_agg(n) from (
            select notify((c).instructor_id, 'course_published', jsonb_build_object('courseId', (c).id), 'Cours publié', 'Course published',
                '« ' || (c).title || ' » est ouvert aux apprenants.', '"' || (c).title || '" is open to learners.') as n
            union all select channel_say('course:' || (c).id, 'course:updated', json_build_object('course', course_json(c)), $3)) t
        where n is not null) from changed
