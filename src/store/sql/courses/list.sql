-- The courses that $2 sees, newest first: active ones and their own, all of them for staff ($4); nobody ("") sees public ones. $1 tenant
-- filter, $3 the query, $5 limit, $6 $7 cursor (time, id), $8 count wanted.
with seen as not materialized (
    select c.*, coalesce(c.created_at, 'epoch'::timestamp) as at from courses c
    where c.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and ($2 <> '' or exists (select from establishments e where e.id = c.establishment_id and e.is_active is not false))
      and course_listed(c, $2, $4::boolean, $3::jsonb)
), ahead as (
    select at, id from seen
    where $6::text is null or (at, id) < ($6::timestamp, $7)
    order by at desc, id desc limit $5::bigint + 1
), page as (
    select ahead.*, row_number() over (order by at desc, id desc) as place from ahead
)
select coalesce(json_agg(course_json(k) order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end, named_here($1, 'user', $3::jsonb ->> 'instructorId')
from page join courses k using (id)
