-- Personal data goes, what the person wrote stays under "deleted user". $1 tenant filter, $2 caller, $3 user, $4 the caller's role,
-- $5 the versions of which one must still stand or null.
with old as (
    select u.id, u.role, u.is_active, u.establishment_id, u.row_version from users u
    where u.id = $3 and u.establishment_id = coalesce($1, u.establishment_id) and u.email not like '%@deleted.invalid' for no key update
), refusal as (
    select case when role < $4::user_role then 'forbidden' when row_version <> all($5::bigint[]) then 'stale'
                when role = 'admin' and is_active is not false and not admin_stays(old.id, old.establishment_id) then 'last_admin' end as word from old
), notes as (delete from notifications n using refusal where n.user_id = $3 and word is null
), grants as (delete from user_permissions p using refusal where p.user_id = $3 and word is null
), erased as (
    update users u set email = u.id || '@deleted.invalid', username = 'deleted', first_name = 'Utilisateur', last_name = 'supprimé',
        profile_image_url = null, phone_number = null, department = null, position = null, bio = null, preferences = null, metadata = null,
        permissions = null, is_active = false, is_email_verified = false, last_login_at = null, row_version = u.row_version + 1,
        updated_at = now() at time zone 'utc'
    from refusal where u.id = $3 and word is null returning u.id
)
select word, 200, (select json_build_object('id', id, 'deleted', true) from erased), 0, null, $2::text is not null and word is null from refusal
