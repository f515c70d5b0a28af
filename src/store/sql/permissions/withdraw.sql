-- A person's own grant or refusal ends: their role decides again. The rules of grant.sql. $1 tenant filter, $2 caller, $3 user,
-- $4 permission, $5 whether the caller has it, $6 the caller's role. The sixth column: what the person may do has changed.
with old as (
    select u.role from users u join user_permissions up on up.user_id = u.id join permissions p on p.id = up.permission_id
    where u.id = $3 and u.establishment_id = coalesce($1, u.establishment_id) and p.name = $4 limit 1
), refusal as (
    select case when $3 = $2 then 'own_rights' when role < $6::user_role or role = 'super_admin' then 'forbidden'
                when not $5::boolean then 'beyond_own' end as word from old
), gone as (
    delete from user_permissions up using permissions p, refusal
    where up.user_id = $3 and p.id = up.permission_id and p.name = $4 and word is null
)
select word, 200, json_build_object('permission', $4, 'deleted', true), 0, null, word is null from refusal
