-- Certificates, newest first: one's own; with `all`, everybody's for staff and, of their courses, for instructors. $1 tenant filter, $2 caller, $3 the query (all, courseId), $4 staff,
-- $5 limit, $6 $7 cursor (time, id), $8 count wanted.
with seen as not materialized (
    select c.id, coalesce(c.issue_date, 'epoch'::timestamp) as at from certificates c
    where c.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and (c.user_id = $2 or ($3::jsonb ->> 'all')::boolean and ($4::boolean
           or exists (select from courses k where k.id = c.course_id and k.instructor_id = $2))) and ($3::jsonb ->> 'courseId' is null or c.course_id = $3::jsonb ->> 'courseId')
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $6::text is null or (at, id) < ($6::timestamp, $7) order by at desc, id desc limit $5::bigint + 1) x
)
select coalesce(json_agg(certificate_json(c) order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end, named_here($1, 'course', $3::jsonb ->> 'courseId')
from page join certificates c using (id)
