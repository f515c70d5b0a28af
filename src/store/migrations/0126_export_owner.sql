-- An export's owner may be of no school, as a super_admin is, and is then nobody whom the school's own statements see.
--
-- person_is_staff(person, school) -> boolean      of this school's staff, or a super_admin
create function person_is_staff(p_user text, p_school text) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (select from users u where u.id = p_user and u.is_active is not false
                   and (u.role = 'super_admin' or u.establishment_id = p_school and u.role in ('manager', 'admin')))
$$;
select stacgate_publish('person_is_staff(text, text)'::regprocedure);
