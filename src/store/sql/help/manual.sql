-- Old clients' manual: $1 tenant filter, $2 caller, $3 a role, $4 staff. Texts that the caller may read and that are for that role.
with me as (select role::text as role from users where id = $2)
select null, 200, coalesce(json_agg(json_build_object('id', h.id, 'title', h.title, 'content', h.content, 'category', h.category,
       'subsections', json_build_array()) order by h.sort_order, h.id), '[]')
from help_contents h
where h.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) and h.is_active
  and coalesce(nullif(h.role, 'all'), $3::text) = $3::text
  and (coalesce(nullif(h.role, 'all'), (select role from me)) = (select role from me) or $4::boolean)
