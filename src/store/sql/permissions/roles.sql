-- $1 the catalogue's names. What each role may do.
select null, 200, json_agg(json_build_object('role', r.role, 'permissions', array(
    select distinct p.name from role_permissions rp join permissions p on p.id = rp.permission_id
    where rp.role = r.role and p.name = any ($1::text[]) order by 1)) order by r.role)
from unnest(enum_range(null::user_role)) as r (role)
