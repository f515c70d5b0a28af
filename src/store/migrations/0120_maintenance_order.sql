-- Of two who switch maintenance at once the last one counts, also in memory: there the answers could come in another order than the commits, and
-- a school stayed shut out of an installation that said it was open. The row counts how often it was changed, under its lock.
--
-- maintenance_get() -> table (is_on, message, since, version)
-- maintenance_set(on, message) -> table (is_on, message, since, version)

alter table maintenance add column version bigint not null default 1;

drop function maintenance_get();
create function maintenance_get() returns table (is_on boolean, message text, since timestamp, version bigint)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select m.is_on, m.message, m.since, m.version from maintenance m
$$;

drop function maintenance_set(boolean, text);
create function maintenance_set(p_on boolean, p_message text) returns table (is_on boolean, message text, since timestamp, version bigint)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update maintenance m set is_on = p_on, message = case when p_on then p_message end, version = m.version + 1,
        since = case when not p_on then null when m.is_on then m.since else now() at time zone 'utc' end,
        set_by = nullif(current_setting('stacgate.user_id', true), '')
    returning m.is_on, m.message, m.since, m.version
$$;

select stacgate_publish(f::regprocedure) from unnest(array['maintenance_get()', 'maintenance_set(boolean, text)']) as f;
