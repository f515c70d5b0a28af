-- $1 tenant filter, $2 user. The account without its secrets, its establishment and what it may do.
select json_build_object(
    'id', u.id, 'establishmentId', u.establishment_id, 'email', u.email, 'username', u.username, 'firstName', u.first_name,
    'lastName', u.last_name, 'profileImageUrl', u.profile_image_url, 'role', u.role, 'phoneNumber', u.phone_number,
    'department', u.department, 'position', u.position, 'bio', u.bio, 'preferences', u.preferences,
    'isActive', u.is_active is not false, 'isEmailVerified', coalesce(u.is_email_verified, false),
    'lastLoginAt', iso8601(u.last_login_at), 'createdAt', iso8601(u.created_at), 'updatedAt', iso8601(u.updated_at),
    'establishment', case when e.id is not null then json_build_object('id', e.id, 'name', e.name, 'slug', e.slug,
        'description', e.description, 'logo', e.logo, 'domain', e.domain) end,
    'permissions', to_json(caller_permissions()))
from users u left join establishments e on e.id = u.establishment_id
where u.id = $2 and (u.establishment_id is null or u.establishment_id = coalesce($1, u.establishment_id))
