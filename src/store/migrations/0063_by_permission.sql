-- Who makes establishments and writes versions is who has the permission, by role or by a grant of their own; the functions of 0060 and 0062
-- asked for the role. Anybody else still gets 42501, whatever the route let through.

create or replace function establishment_create(p_name text, p_slug text, p_description text, p_logo text, p_domain text, p_settings jsonb)
returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    made text;
begin
    if 'establishments:create' <> all (caller_permissions()) then
        raise 'not allowed to make establishments' using errcode = 'insufficient_privilege';
    end if;
    insert into establishments (name, slug, description, logo, domain, settings, created_at, updated_at)
    values (p_name, p_slug, p_description, p_logo, p_domain, coalesce(p_settings, '{}'), now() at time zone 'utc', now() at time zone 'utc')
    returning id into made;
    return made;
end $$;

create or replace function version_create(p_version text, p_title text, p_description text, p_changelog text, p_release timestamp,
                                          p_maintenance boolean, p_message text) returns json
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    made system_versions;
begin
    if 'system:manage' <> all (caller_permissions()) then
        raise 'not allowed to write versions' using errcode = 'insufficient_privilege';
    end if;
    insert into system_versions (id, version, title, description, changelog_markdown, release_date, is_maintenance, maintenance_message, created_by,
                                 created_at, updated_at)
    values (gen_random_uuid()::text, p_version, p_title, coalesce(p_description, ''), coalesce(p_changelog, ''),
            coalesce(p_release, now() at time zone 'utc'), coalesce(p_maintenance, false), p_message, current_setting('stacgate.user_id', true),
            now() at time zone 'utc', now() at time zone 'utc')
    returning * into made;
    return version_json(made);
end $$;

create or replace function version_activate(p_id text) returns json
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    chosen system_versions;
begin
    if 'system:manage' <> all (caller_permissions()) then
        raise 'not allowed to choose the version' using errcode = 'insufficient_privilege';
    end if;
    perform pg_advisory_xact_lock(hashtext('stacgate.version_activate')); -- two choices come one after the other
    select * into chosen from system_versions where id = p_id;
    if not found then
        return null;
    end if;
    update system_versions set is_active = (id = p_id), updated_at = now() at time zone 'utc' where is_active is distinct from (id = p_id);
    select * into chosen from system_versions where id = p_id;
    return version_json(chosen);
end $$;
