-- $1 tenant filter, $2 caller, $3 course (its row is locked), $4 the body (ids: every module once), $5 staff, $6 who sees all. Those in the course hear of the open ones.
with course as (
    select c.*, coalesce(c.instructor_id = $2, false) or $5::boolean as own from courses c
    where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id) and course_seen(c, $2, $6)
), wanted as (
    select id, place from jsonb_array_elements_text($4::jsonb -> 'ids') with ordinality as t (id, place)
), refusal as (
    select case when not own then 'forbidden'
                when exists (select from wanted w where not exists (select from course_modules m where m.id = w.id and m.course_id = $3)) then 'not_found'
                when (select count(*) from course_modules m where m.course_id = $3) <> (select count(*) from wanted)
                     or (select count(distinct id) from wanted) <> (select count(*) from wanted) then 'invalid ids format' end as word from course
), moved as (
    update course_modules m set order_index = w.place, row_version = m.row_version + 1, updated_at = now() at time zone 'utc'
    from wanted w, refusal where m.id = w.id and word is null returning m
)
select word, 200, (select json_agg(module_json(m) order by (m).order_index) from moved), 0,
       (select json_agg(channel_say('course:' || $3, 'modules:ordered', json_build_object('moduleIds', ids), $2))
        from (select json_agg((m).id order by (m).order_index) as ids from moved where (m).is_active is not false) x where ids is not null)
from refusal
