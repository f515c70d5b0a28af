-- Oneself and, for staff, everybody: the account. Who shares a course or a group sees a card. $1 tenant filter, $2 caller, $3 user, $4 staff.
select null, 200, case when $3 = $2 or $4::boolean then user_json(u.id)
                       else json_build_object('id', u.id, 'firstName', u.first_name, 'lastName', u.last_name,
                                              'profileImageUrl', u.profile_image_url, 'role', u.role) end, u.row_version
from users u
where u.id = $3 and (u.establishment_id is null or u.establishment_id = coalesce($1, u.establishment_id)) and (
    $3 = $2 or $4::boolean
    or exists (select from study_group_members a join study_group_members b using (study_group_id)
               where a.user_id = $2 and b.user_id = $3 and a.is_active and b.is_active)
    or exists (select from user_courses a join user_courses b using (course_id)
               where a.user_id = $2 and b.user_id = $3 and a.status <> 'dropped' and b.status <> 'dropped')
    or exists (select from user_courses e join courses c on c.id = e.course_id
               where e.status <> 'dropped' and (e.user_id = $2 and c.instructor_id = $3 or e.user_id = $3 and c.instructor_id = $2)))
