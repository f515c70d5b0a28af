-- A school's themes, newest first: active ones, all of them for staff ($2). $1 tenant filter, $3 limit, $4 $5 cursor
-- (time, id), $6 count wanted.
with seen as not materialized (
    select x.id, coalesce(x.created_at, 'epoch'::timestamp) as at from themes x
    where x.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and (x.is_active or $2::boolean)
), page as (
    select y.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $4::text is null or (at, id) < ($4::timestamp, $5) order by at desc, id desc limit $3::bigint + 1) y
)
select coalesce(json_agg(theme_json(x) order by place) filter (where place <= $3::bigint), '[]'),
       (select at || '|' || id from page where place = $3::bigint and exists (select from page where place > $3::bigint)),
       case when $6::boolean then (select count(*) from seen) end
from page join themes x using (id)
