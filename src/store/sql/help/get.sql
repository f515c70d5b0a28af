-- $1 tenant filter, $2 caller, $3 text, $4 staff. Reading it counts.
with me as (select role::text as role from users where id = $2), one as (
    select h.* from help_contents h
    where h.id = $3 and h.establishment_id = coalesce($1, h.establishment_id) and (h.is_active or $4::boolean)
      and (coalesce(nullif(h.role, 'all'), (select role from me)) = (select role from me) or $4::boolean)
), counted as (
    update help_contents h set views = h.views + 1 from one where h.id = one.id returning h.views
)
select null, 200, (select help_json(h) from help_contents h where h.id = one.id), row_version from one, (select count(*) from counted) c
