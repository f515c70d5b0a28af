-- Oneself and, for staff, everybody: the account. Who shares a course or a group sees a card. $1 tenant filter, $2 caller, $3 user, $4 staff, $5 who may read accounts.
select null, 200, case when $3 = $2 or $4::boolean and $5::boolean then user_json(u.id)
                       else json_build_object('id', u.id, 'firstName', u.first_name, 'lastName', u.last_name,
                                              'profileImageUrl', u.profile_image_url, 'role', u.role) end, u.row_version
from users u
where u.id = $3 and (u.establishment_id is null or u.establishment_id = coalesce($1, u.establishment_id)) and (
    $4::boolean and $5::boolean or person_seen($2, $3))
