-- The versions of the installation: what was released, which one is in use. Everybody reads them; an active super_admin writes.
--
-- version_create(version, title, description, changelog, release timestamp, maintenance, message) -> json; 42501, 23505
-- version_activate(id) -> json                                   null: no such version. It is then the only active one.

select stacgate_definer_reads('system_versions', 'select, insert, update');

create function version_json(v system_versions) returns json language sql stable as $$
    select json_build_object('id', v.id, 'version', v.version, 'title', v.title, 'description', v.description,
        'changelogMarkdown', v.changelog_markdown, 'releaseDate', iso8601(v.release_date), 'isActive', v.is_active,
        'isMaintenance', v.is_maintenance, 'maintenanceMessage', v.maintenance_message, 'createdBy', v.created_by,
        'createdAt', iso8601(v.created_at), 'updatedAt', iso8601(v.updated_at))
$$;

create function version_create(p_version text, p_title text, p_description text, p_changelog text, p_release timestamp, p_maintenance boolean,
                               p_message text) returns json
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    made system_versions;
begin
    if not stacgate_is_super_admin() then
        raise 'a super_admin writes versions' using errcode = 'insufficient_privilege';
    end if;
    insert into system_versions (id, version, title, description, changelog_markdown, release_date, is_maintenance, maintenance_message, created_by,
                                 created_at, updated_at)
    values (gen_random_uuid()::text, p_version, p_title, coalesce(p_description, ''), coalesce(p_changelog, ''),
            coalesce(p_release, now() at time zone 'utc'), coalesce(p_maintenance, false), p_message, current_setting('stacgate.user_id', true),
            now() at time zone 'utc', now() at time zone 'utc')
    returning * into made;
    return version_json(made);
end $$;

create function version_activate(p_id text) returns json
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    chosen system_versions;
begin
    if not stacgate_is_super_admin() then
        raise 'a super_admin chooses the version' using errcode = 'insufficient_privilege';
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

select stacgate_publish(f::regprocedure) from unnest(array[
    'version_create(text, text, text, text, timestamp, boolean, text)', 'version_activate(text)']) as f;
