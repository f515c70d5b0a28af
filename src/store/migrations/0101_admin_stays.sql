-- admin_stays(person, school) -> boolean        whether the school still has an active admin who manages permissions when this one no longer does;
--     one who was refused them already is missed only when nobody else is left
create function permissions_refused(p_user text) returns boolean language sql stable as $$
    select exists (select from user_permissions up join permissions p on p.id = up.permission_id
                   where up.user_id = p_user and p.name = 'permissions:manage' and up.granted is false
                     and (up.expires_at is null or up.expires_at > now() at time zone 'utc'))
$$;
create function admin_stays(p_user text, p_school text) returns boolean language sql stable as $$
    select exists (select from users x where x.establishment_id = p_school and x.role = 'admin' and x.is_active is not false and x.id <> p_user
                   and (not permissions_refused(x.id) or permissions_refused(p_user)))
$$;
