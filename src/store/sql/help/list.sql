-- The help that the caller may read, in its order. $1 tenant filter, $2 caller, $3 the query (category, role, language), $4 staff, $5 limit,
-- $6 $7 cursor (order, id), $8 count wanted. Staff see everything; others what is for all or for their role.
with me as (select role::text as role from users where id = $2), seen as not materialized (
    select h.id, coalesce(h.sort_order, 0)::bigint + 3000000000 as place_key from help_contents h
    where h.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and (h.is_active or $4::boolean) and (coalesce(nullif(h.role, 'all'), (select role from me)) = (select role from me) or $4::boolean)
      and ($3::jsonb ->> 'role' is null or coalesce(nullif(h.role, 'all'), $3::jsonb ->> 'role') = $3::jsonb ->> 'role')
      and ($3::jsonb ->> 'category' is null or h.category = $3::jsonb ->> 'category')
      and ($3::jsonb ->> 'language' is null or coalesce(h.language, 'fr') = $3::jsonb ->> 'language')
), page as (
    select x.*, row_number() over (order by place_key, id) as place from (
        select * from seen where $6::text is null or (place_key, id) > ($6::bigint, $7) order by place_key, id limit $5::bigint + 1) x
)
select coalesce(json_agg(help_json(h) order by place) filter (where place <= $5::bigint), '[]'),
       (select place_key || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end
from page join help_contents h using (id)
