-- A page's sections in their order: $1 tenant filter, $2 the page, $3 staff, $4 limit, $5 $6 cursor (place in the order, id), $7 count wanted.
-- The fourth column: whether the caller sees the page.
with p as (
    select p.id from customizable_pages p
    where p.id = $2 and p.establishment_id = coalesce($1, p.establishment_id) and (p.is_active is not false or $3::boolean)
), seen as not materialized (
    select s.id, coalesce(s.section_order, 0)::bigint + 3000000000 as at from p join page_sections s on s.page_id = p.id
    where s.is_active is not false or $3::boolean
), page as (
    select x.*, row_number() over (order by at, id) as place from (
        select * from seen where $5::text is null or (at, id) > ($5::bigint, $6) order by at, id limit $4::bigint + 1) x
)
select coalesce(json_agg(section_json(s) order by place) filter (where place <= $4::bigint), '[]'),
       (select at || '|' || id from page where place = $4::bigint and exists (select from page where place > $4::bigint)),
       case when $7::boolean then (select count(*) from seen) end, exists (select from p)
from page join page_sections s using (id)
