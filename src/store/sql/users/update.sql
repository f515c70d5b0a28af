-- $1 tenant filter, $2 caller, $3 user, $4 the body, $5 whether the caller changes people, $6 the versions of which one must still stand or null, $7 staff.
-- What a body does not name stays. One's own profile; who changes people also role, address and activity, never of or to a role above their
-- own. The last admin stays. The sixth column: whether what this person may do has changed.
with me as (select role from users where id = $2), old as (
    select u.id, u.role, u.is_active, u.email, u.row_version, u.establishment_id, coalesce(($4::jsonb ->> 'role')::user_role, u.role) as new_role,
           coalesce(($4::jsonb ->> 'isActive')::boolean, u.is_active is not false) as new_active
    from users u where u.id = $3 and (u.establishment_id is null or u.establishment_id = coalesce($1, u.establishment_id))
          and u.email not like '%@deleted.invalid' for no key update
), refusal as (
    select case when not ($3 = $2 or $5::boolean) then case when $7::boolean or person_seen($2, $3) then 'forbidden' else 'not_found' end
                when $3 <> $2 and old.role < me.role then 'forbidden'
                when old.establishment_id is null and (old.new_role <> old.role or not old.new_active) then 'forbidden' -- of no school's account
                when old.row_version <> all($6::bigint[]) then 'stale'
                when (old.new_role <> old.role or old.new_active <> (old.is_active is not false)) and not $5::boolean then 'forbidden'
                when $4::jsonb ? 'email' and lower($4::jsonb ->> 'email') <> lower(old.email) and not $5::boolean then 'forbidden'
                when old.new_role < me.role and old.new_role <> old.role then 'forbidden'
                when old.role = 'admin' and old.is_active is not false and (old.new_role <> 'admin' or not old.new_active)
                     and not admin_stays(old.id, old.establishment_id) then 'last_admin' end as word
    from old, me
), new as (
    update users u set
        first_name = coalesce(b ->> 'firstName', u.first_name), last_name = coalesce(b ->> 'lastName', u.last_name),
        username = coalesce(b ->> 'username', u.username), profile_image_url = coalesce(b ->> 'profileImageUrl', u.profile_image_url),
        phone_number = coalesce(b ->> 'phoneNumber', u.phone_number), department = coalesce(b ->> 'department', u.department),
        position = coalesce(b ->> 'position', u.position), bio = coalesce(b ->> 'bio', u.bio),
        preferences = coalesce(b -> 'preferences', u.preferences),
        email = case when lower(b ->> 'email') <> lower(u.email) then lower(b ->> 'email') else u.email end,
        role = old.new_role, is_active = old.new_active, row_version = u.row_version + 1, updated_at = now() at time zone 'utc'
    from (select $4::jsonb as b) body, refusal, old where u.id = $3 and word is null
    returning u.id, u.row_version, u.email, u.username, u.first_name, u.last_name, u.profile_image_url, u.role, u.phone_number, u.department,
              u.position, u.bio, u.preferences, u.is_active, u.is_email_verified, u.last_login_at, u.created_at, u.updated_at, u.establishment_id
)
select word, 200, (select json_build_object('id', id, 'establishmentId', establishment_id, 'email', email, 'username', username,
    'firstName', first_name, 'lastName', last_name, 'profileImageUrl', profile_image_url, 'avatar', profile_image_url, 'role', role,
    'phoneNumber', phone_number, 'department', department, 'position', position, 'bio', bio, 'preferences', preferences,
    'isActive', is_active is not false, 'isEmailVerified', coalesce(is_email_verified, false), 'lastLoginAt', iso8601(last_login_at),
    'createdAt', iso8601(created_at), 'updatedAt', iso8601(updated_at)) from new), (select row_version from new), null,
    (select word is null and (new_role <> role or new_active <> (is_active is not false)) from old)
from refusal
