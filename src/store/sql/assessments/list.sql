-- The assessments that $2 sees, newest first: approved ones that are open to them, and their own; all for staff ($4). $1 tenant filter,
-- $3 the query, $5 limit, $6 $7 cursor (time, id), $8 count wanted. Questions are not in a list.
with seen as not materialized (
    select a.id, coalesce(a.created_at, 'epoch'::timestamp) as at from assessments a
    where a.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and (a.created_by = $2 or $4::boolean or exists (select from courses c where c.id = a.course_id and c.instructor_id = $2)
           or a.status = 'approved' and (a.is_public is not false and not exists (select from courses c where c.id = a.course_id and c.is_active is not true) or exists (
               select from user_courses e where e.course_id = a.course_id and e.user_id = $2 and e.status is distinct from 'dropped')))
      and ($3::jsonb ->> 'courseId' is null or a.course_id = $3::jsonb ->> 'courseId')
      and ($3::jsonb ->> 'status' is null or a.status = $3::jsonb ->> 'status')
      and ($3::jsonb ->> 'type' is null or a.assessment_type = $3::jsonb ->> 'type')
), ahead as (
    select id, at from seen where $6::text is null or (at, id) < ($6::timestamp, $7)
    order by at desc, id desc limit $5::bigint + 1
), page as (
    select ahead.*, row_number() over (order by at desc, id desc) as place from ahead
)
select coalesce(json_agg(assessment_json(a) order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end, named_here($1, 'course', $3::jsonb ->> 'courseId')
from page join assessments a using (id)
