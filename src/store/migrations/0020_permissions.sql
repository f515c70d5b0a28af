-- The permission catalogue and what each role may do by default: the rows of include/stacgate/permission.def. What is already there, in
-- an adopted database too, stays; a school's own grants are added and taken away in user_permissions.

create temporary table seed (name text, roles text[], description text) on commit drop;
insert into seed values
    ('establishments:update', '{admin,super_admin}', 'change the establishment'),
    ('establishments:create', '{super_admin}', 'create establishments'),
    ('users:read', '{formateur,manager,admin,super_admin}', 'see people'),
    ('users:create', '{manager,admin,super_admin}', 'create people'),
    ('users:update', '{manager,admin,super_admin}', 'change people'),
    ('users:delete', '{admin,super_admin}', 'erase people'),
    ('courses:create', '{formateur,manager,admin,super_admin}', 'create courses'),
    ('courses:approve', '{manager,admin,super_admin}', 'approve courses'),
    ('courses:manage', '{manager,admin,super_admin}', 'manage every course'),
    ('assessments:create', '{formateur,manager,admin,super_admin}', 'create assessments'),
    ('assessments:approve', '{manager,admin,super_admin}', 'approve assessments'),
    ('assessments:manage', '{manager,admin,super_admin}', 'manage every assessment'),
    ('study_groups:create', '{apprenant,formateur,manager,admin,super_admin}', 'create study groups'),
    ('study_groups:manage', '{manager,admin,super_admin}', 'manage and moderate every study group'),
    ('analytics:read', '{manager,admin,super_admin}', 'see statistics'),
    ('exports:create', '{formateur,manager,admin,super_admin}', 'export data'),
    ('exports:manage', '{manager,admin,super_admin}', 'manage every export'),
    ('help:manage', '{manager,admin,super_admin}', 'write help'),
    ('announcements:create', '{manager,admin,super_admin}', 'publish announcements'),
    ('permissions:manage', '{admin,super_admin}', 'manage permissions'),
    ('audit:read', '{admin,super_admin}', 'read the audit log'),
    ('system:read', '{admin,super_admin}', 'see the state of the system'),
    ('system:manage', '{super_admin}', 'manage the system');

insert into permissions (name, resource, action, description)
select name, split_part(name, ':', 1), split_part(name, ':', 2), description from seed on conflict (name) do nothing;

insert into role_permissions (role, permission_id)
select r::user_role, p.id from seed s cross join lateral unnest(s.roles) r join permissions p using (name)
where not exists (select from role_permissions x where x.role = r::user_role and x.permission_id = p.id);

drop table seed;

-- Times leave the server in ISO 8601, UTC, with milliseconds.
create function iso8601(t timestamp) returns text language sql stable parallel safe as $$
    select to_char(t, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- Lists come newest first, page by page.
create index stacgate_study_groups_newest on study_groups (establishment_id, created_at desc, id desc);

-- What the caller may do, by name: their role's rows, plus and minus their own.
create function caller_permissions() returns text[]
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with me as (select id, role from users where id = nullif(current_setting('stacgate.user_id', true), '')),
    own as (
        select p.name, up.granted is not false as granted from user_permissions up join permissions p on p.id = up.permission_id
        where up.user_id = (select id from me) and (up.expires_at is null or up.expires_at > now() at time zone 'utc')
    )
    select coalesce(array_agg(distinct name order by name), '{}') from (
        select p.name from role_permissions rp join permissions p on p.id = rp.permission_id where rp.role = (select role from me)
        union select name from own where granted
        except select name from own where not granted
    ) effective
$$;
grant select on role_permissions to stacgate_definer;
create policy definer on role_permissions for select to stacgate_definer using (true);
select stacgate_publish('caller_permissions()'::regprocedure);
