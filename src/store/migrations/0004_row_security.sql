-- Who may touch what. The server signs in as stacgate_app, which owns nothing; row-level security is enabled (not forced: the owner
-- migrates and dumps) on every table, by policies that name that role. Roles are made by `migrate` before the first migration.
--
-- For later migrations:
--   select stacgate_tenant_table('my_table');                     a table with establishment_id: policies and grants
--   select stacgate_tenant_table('my_table', 'select, insert');   … with fewer rights
--   select stacgate_global_table('my_table');                     no tenant: everybody reads
--   select stacgate_publish('my_function(text)');                 a SECURITY DEFINER function: owner stacgate_definer, EXECUTE for
--                                                                 stacgate_app alone; grant what it reads to stacgate_definer with
--   select stacgate_definer_reads('my_table', 'select');          its own policy

grant usage on schema public to stacgate_app, stacgate_definer, stacgate_search;
revoke create on schema public from public;

create function stacgate_tenant_table(t regclass, rights text default 'select, insert, update, delete') returns void
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    own constant text := 'establishment_id = nullif(current_setting(''stacgate.establishment_id'', true), '''')';
begin
    execute format('alter table %s enable row level security', t);
    execute format('create policy tenant on %s to stacgate_app using (%s) with check (%s)', t, own, own);
    -- Stands even if somebody later adds a policy that permits more.
    execute format('create policy tenant_wall on %s as restrictive to stacgate_app using (%s) with check (%s)', t, own, own);
    execute format('grant %s on %s to stacgate_app', rights, t);
end $$;

create function stacgate_global_table(t regclass) returns void
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    execute format('alter table %s enable row level security', t);
    execute format('create policy everyone on %s for select to stacgate_app using (true)', t);
    execute format('grant select on %s to stacgate_app', t);
end $$;

create function stacgate_definer_reads(t regclass, rights text) returns void
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    execute format('alter table %s enable row level security', t);
    execute format('create policy definer on %s to stacgate_definer using (true) with check (true)', t);
    execute format('grant %s on %s to stacgate_definer', rights, t);
end $$;

create function stacgate_publish(f regprocedure, as_role text default 'stacgate_definer') returns void
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    execute format('revoke execute on function %s from public', f);
    execute format('grant execute on function %s to stacgate_app', f);
    execute format('alter function %s owner to %I', f, as_role);
end $$;

revoke execute on function stacgate_tenant_table(regclass, text), stacgate_global_table(regclass),
    stacgate_definer_reads(regclass, text), stacgate_publish(regprocedure, text) from public;

do $$
declare
    t text;
begin
    foreach t in array array['themes', 'customizable_contents', 'customizable_pages', 'page_components', 'page_sections', 'menu_items',
        'user_permissions', 'trainer_spaces', 'courses', 'training_sessions', 'user_courses', 'course_modules', 'educational_plugins',
        'user_module_progress', 'assessments', 'assessment_attempts', 'certificates', 'notifications', 'export_jobs', 'help_contents',
        'establishment_branding', 'study_groups', 'study_group_members', 'study_group_messages', 'message_reactions',
        'study_sessions', 'study_session_participants', 'whiteboards', 'shared_files', 'channel_events'] loop
        perform stacgate_tenant_table(t::regclass);
    end loop;
    perform stacgate_tenant_table('channels', 'select, insert, update');
    foreach t in array array['permissions', 'role_permissions', 'system_versions', 'schema_migrations'] loop
        perform stacgate_global_table(t::regclass);
    end loop;
end $$;

-- Accounts: the school's, and one's own when one belongs to no school. The password hash is read and changed by functions only.
alter table users enable row level security;
create policy tenant on users to stacgate_app
    using (establishment_id = nullif(current_setting('stacgate.establishment_id', true), ''))
    with check (establishment_id = nullif(current_setting('stacgate.establishment_id', true), ''));
create policy self on users for select to stacgate_app
    using (establishment_id is null and id = nullif(current_setting('stacgate.user_id', true), ''));
create policy self_update on users for update to stacgate_app
    using (establishment_id is null and id = nullif(current_setting('stacgate.user_id', true), ''))
    with check (establishment_id is null and id = nullif(current_setting('stacgate.user_id', true), ''));
create policy tenant_wall on users as restrictive to stacgate_app
    using (establishment_id = nullif(current_setting('stacgate.establishment_id', true), '')
           or establishment_id is null and id = nullif(current_setting('stacgate.user_id', true), ''))
    with check (establishment_id = nullif(current_setting('stacgate.establishment_id', true), '')
           or establishment_id is null and id = nullif(current_setting('stacgate.user_id', true), ''));
do $$
declare
    readable text;
    writable text;
begin
    select string_agg(quote_ident(attname), ', ') filter (where attname <> 'password'),
           string_agg(quote_ident(attname), ', ') filter (where attname not in ('password', 'id', 'establishment_id', 'created_at'))
    into readable, writable from pg_attribute where attrelid = 'users'::regclass and attnum > 0 and not attisdropped;
    execute format('grant select (%s), insert, update (%s) on users to stacgate_app', readable, writable);

    select string_agg(quote_ident(attname), ', ') filter (where attname <> 'database_url'),
           string_agg(quote_ident(attname), ', ') filter (where attname not in ('database_url', 'id', 'created_at'))
    into readable, writable from pg_attribute where attrelid = 'establishments'::regclass and attnum > 0 and not attisdropped;
    execute format('grant select (%s), update (%s) on establishments to stacgate_app', readable, writable);
end $$;

alter table establishments enable row level security;
create policy tenant on establishments to stacgate_app
    using (id = nullif(current_setting('stacgate.establishment_id', true), ''))
    with check (id = nullif(current_setting('stacgate.establishment_id', true), ''));
create policy tenant_wall on establishments as restrictive to stacgate_app
    using (id = nullif(current_setting('stacgate.establishment_id', true), ''))
    with check (id = nullif(current_setting('stacgate.establishment_id', true), ''));

-- Nobody but the functions of 0005 and the owner.
alter table adoption_rejects enable row level security;
select stacgate_definer_reads('sessions', 'select, insert, update, delete');
select stacgate_definer_reads('users', 'select, insert, update (password, last_login_at, updated_at)');
select stacgate_definer_reads(t::regclass, 'select')
from unnest(array['establishments', 'permissions', 'user_permissions', 'study_groups', 'whiteboards', 'courses', 'course_modules',
                  'training_sessions', 'assessments', 'study_sessions', 'certificates', 'export_jobs']) as t;
