-- One person's permissions, to themselves and to who manages them: what holds now, and their own grants and refusals, also those that ended.
-- $1 tenant filter, $2 caller, $3 user, $4 whether the caller manages permissions, $5 is staff.
with who as (
    select u.id, u.role from users u
    where u.id = $3 and (u.establishment_id is null or u.establishment_id = coalesce($1, u.establishment_id)) and u.email not like '%@deleted.invalid'
), own as (
    select p.name, up.granted is not false as granted, up.reason, up.expires_at, up.granted_by, up.created_at,
           up.expires_at is null or up.expires_at > now() at time zone 'utc' as holds
    from user_permissions up join permissions p on p.id = up.permission_id where up.user_id = $3
), effective as (
    select p.name from role_permissions rp join permissions p on p.id = rp.permission_id, who where rp.role = who.role
    union select name from own where granted and holds
    except select name from own where not granted and holds
)
select case when not ($3 = $2 or $4::boolean) then case when $5::boolean or person_seen($2, $3) then 'forbidden' else 'not_found' end end, 200, json_build_object('userId', id, 'role', role,
    'permissions', array(select name from effective order by 1),
    'grants', (select coalesce(json_agg(json_build_object('permission', name, 'granted', granted, 'reason', reason,
        'expiresAt', iso8601(expires_at), 'grantedBy', granted_by, 'createdAt', iso8601(created_at), 'holds', holds)
        order by name, created_at), '[]') from own)), 0
from who
