-- A school's pages, newest first: active ones, all of them for staff ($3). $1 tenant filter, $2 the query, $4 limit, $5 $6 cursor
-- (time, id), $7 count wanted.
with seen as not materialized (
    select x.id, coalesce(x.created_at, 'epoch'::timestamp) as at from customizable_pages x
    where x.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and (x.is_active is not false or $3::boolean)
      and ($2::jsonb ->> 'pageName' is null or x.page_name = $2::jsonb ->> 'pageName')
), page as (
    select y.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $5::text is null or (at, id) < ($5::timestamp, $6) order by at desc, id desc limit $4::bigint + 1) y
)
select coalesce(json_agg(page_json(x) order by place) filter (where place <= $4::bigint), '[]'),
       (select at || '|' || id from page where place = $4::bigint and exists (select from page where place > $4::bigint)),
       case when $7::boolean then (select count(*) from seen) end
from page join customizable_pages x using (id)
