-- A school's menu, in its order: active ones, all of them for staff ($3). $1 tenant filter, $2 caller, $4 limit, $5 $6 cursor
-- (place in the order, id), $7 count wanted.
with seen as not materialized (
    select x.id, coalesce(x.sort_order, 0)::bigint + 3000000000 as at from menu_items x
    where x.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and ($3::boolean or not menu_hidden(x, (select role::text from users where id = $2)))
), page as (
    select y.*, row_number() over (order by at, id) as place from (
        select * from seen where $5::text is null or (at, id) > ($5::bigint, $6) order by at, id limit $4::bigint + 1) y
)
select coalesce(json_agg(menu_item_json(x) order by place) filter (where place <= $4::bigint), '[]'),
       (select at || '|' || id from page where place = $4::bigint and exists (select from page where place > $4::bigint)),
       case when $7::boolean then (select count(*) from seen) end
from page join menu_items x using (id)
