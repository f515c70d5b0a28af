-- A person's own grant or refusal, in place of the one there was. Nobody changes their own, nor those of somebody above them, nor what they
-- do not have themselves; one active admin of the school always manages permissions. $1 tenant filter, $2 caller, $3 user, $4 the body,
-- $5 permission, $6 whether the caller has it, $7 the caller's role. The sixth column: what the person may do has changed.
with who as (
    select u.id, u.role, u.is_active, u.establishment_id from users u
    where u.id = $3 and u.establishment_id = coalesce($1, u.establishment_id) and u.email not like '%@deleted.invalid'
), wish as (
    select coalesce((b ->> 'granted')::boolean, true) as granted, b ->> 'reason' as reason,
           (b ->> 'expiresAt')::timestamptz at time zone 'utc' as expires_at
    from (select $4::jsonb as b) body
), refusal as (
    select case when $3 = $2 then 'own_rights'
                when who.role < $7::user_role or who.role = 'super_admin' then 'forbidden'
                when not $6::boolean then 'beyond_own'
                when wish.expires_at <= now() at time zone 'utc' then 'invalid expiresAt past'
                when not wish.granted and $5 = 'permissions:manage' and who.role = 'admin' and who.is_active is not false
                     and not permissions_refused(who.id) and not admin_stays(who.id, who.establishment_id) then 'last_admin' end as word
    from who, wish
), gone as (
    delete from user_permissions up using permissions p, refusal
    where up.user_id = $3 and p.id = up.permission_id and p.name = $5 and word is null
), made as (
    insert into user_permissions (user_id, establishment_id, permission_id, granted, granted_by, reason, expires_at, created_at)
    select who.id, who.establishment_id, p.id, wish.granted, $2, wish.reason, wish.expires_at, now() at time zone 'utc'
    from who, wish, refusal, permissions p where p.name = $5 and word is null
    returning granted, granted_by, reason, expires_at, created_at
)
select word, 200, (select json_build_object('permission', $5, 'granted', granted, 'reason', reason, 'expiresAt', iso8601(expires_at),
    'grantedBy', granted_by, 'createdAt', iso8601(created_at), 'holds', true) from made), 0, null, word is null
from refusal
