-- The modules of a course in their order, with the caller's progress; contents for who is in the course. $1 tenant filter, $2 caller, $3 course, $4 staff, $5 limit, $6 $7 cursor
-- (place in the order, id), $8 count wanted. The fourth column: whether the caller sees the course.
with c as (
    select c.id, coalesce(c.instructor_id = $2, false) or $4::boolean as own, enrolled
    from courses c cross join lateral (select course_entered(c.id, $2) as enrolled) x
    where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id) and course_seen(c, $2, $4)
), seen as not materialized (
    select m.id, m.order_index::bigint + 3000000000 as at from c join course_modules m on m.course_id = c.id
    where m.is_active is not false or c.own
), page as (
    select x.*, row_number() over (order by at, id) as place from (
        select * from seen where $6::text is null or (at, id) > ($6::bigint, $7) order by at, id limit $5::bigint + 1) x
)
select coalesce(json_agg(module_seen(m, (select own or enrolled from c)) || jsonb_build_object('progress', (select module_progress_json(p) from user_module_progress p
           where p.module_id = m.id and p.user_id = $2)) order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end, exists (select from c)
from page join course_modules m using (id)
