-- $1 tenant filter, $2 caller, $3 module (its course's row is locked), $4 staff, $5 the versions of which one must still stand or null, $6 who sees all. Progress in it goes with it.
with old as (
    select m.*, coalesce(c.instructor_id = $2, false) or $4::boolean as own from course_modules m join courses c on c.id = m.course_id
    where m.id = $3 and m.establishment_id = coalesce($1, m.establishment_id)
      and ($6::boolean or coalesce(c.instructor_id = $2, false) or course_seen(c, $2, $6) and m.is_active is not false) for no key update of m
), refusal as (
    select case when not own then 'forbidden' when row_version <> all($5::bigint[]) then 'stale'
                when exists (select from assessments a where a.module_id = $3) then 'module_used' end as word from old
), gone as (delete from course_modules m using refusal where m.id = $3 and word is null returning m.course_id, m.is_active is not false as open)
select word, 200, json_build_object('id', $3::text, 'deleted', true), 0,
       (select json_agg(n) from (
            select channel_say('course:' || course_id, 'module:removed', json_build_object('moduleId', $3::text), $2) as n from gone where open
            union all select n from gone, course_progress_recount(course_id) n) t)
from refusal
