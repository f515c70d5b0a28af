-- The sessions of a course, by their start, those without one last; the way into a meeting for who is in the course. $1 tenant filter, $2 caller, $3 course, $4 staff, $5 limit, $6 $7 cursor
-- (time, id), $8 count wanted. The fourth column: whether the caller sees the course.
with c as (
    select c.id, coalesce(c.instructor_id = $2, false) or $4::boolean as own, enrolled
    from courses c cross join lateral (select course_entered(c.id, $2) as enrolled) x
    where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id) and course_seen(c, $2, $4)
), seen as not materialized (
    select s.id, coalesce(s.start_date, '9998-01-01'::timestamp) as at from c join training_sessions s on s.course_id = c.id
    where c.own or s.status in ('approved', 'active', 'completed')
), page as (
    select x.*, row_number() over (order by at, id) as place from (
        select * from seen where $6::text is null or (at, id) > ($6::timestamp, $7) order by at, id limit $5::bigint + 1) x
)
select coalesce(json_agg(training_session_seen(s, (select own or enrolled from c)) order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end, exists (select from c)
from page join training_sessions s using (id)
