-- $1 establishment, $2 caller, $3 the body, $4 password hash or null (then an invitation follows), $5 the caller's role. A role is at
-- most the caller's own.
with refusal as (
    select case when coalesce($3::jsonb ->> 'role', 'apprenant')::user_role < $5::user_role and $2::text is not null then 'forbidden' end as word
), made as (
    insert into users (establishment_id, email, username, password, first_name, last_name, role, phone_number, department, position, bio,
                       is_active, created_at, updated_at)
    select $1, lower(b ->> 'email'), coalesce(b ->> 'username', lower(b ->> 'email')), coalesce($4, '!'), b ->> 'firstName', b ->> 'lastName',
           coalesce(b ->> 'role', 'apprenant')::user_role, b ->> 'phoneNumber', b ->> 'department', b ->> 'position', b ->> 'bio',
           coalesce((b ->> 'isActive')::boolean, true), now() at time zone 'utc', now() at time zone 'utc'
    from (select $3::jsonb as b) body, refusal where word is null
    returning id, establishment_id, email, username, first_name, last_name, role, phone_number, department, position, bio, is_active, created_at
)
select word, 201, (select answer(json_build_object('id', id, 'establishmentId', establishment_id, 'email', email, 'username', username,
    'firstName', coalesce(first_name, ''), 'lastName', coalesce(last_name, ''), 'profileImageUrl', null, 'avatar', null, 'role', role, 'phoneNumber', phone_number,
    'department', department, 'position', position, 'bio', bio, 'preferences', null, 'isActive', is_active, 'isEmailVerified', false,
    'lastLoginAt', null, 'createdAt', iso8601(created_at), 'updatedAt', iso8601(created_at))) from made), 1, null, (select id from made)
from refusal
