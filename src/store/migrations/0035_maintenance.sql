-- Maintenance: one row for the whole installation, so that a restart in the middle of it changes nothing.
--
-- maintenance_get() -> table (is_on boolean, message text, since timestamp)
-- maintenance_set(on, message) -> table (is_on, message, since)      of the caller (stacgate.user_id), who was checked before

create table maintenance (
    one boolean primary key default true check (one),
    is_on boolean not null default false,
    message text,                   -- shown to those who are turned away; null: the server's own words
    since timestamp,
    set_by varchar
);
insert into maintenance default values;
select stacgate_definer_reads('maintenance', 'select, update');

create function maintenance_get() returns table (is_on boolean, message text, since timestamp)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select m.is_on, m.message, m.since from maintenance m
$$;

create function maintenance_set(p_on boolean, p_message text) returns table (is_on boolean, message text, since timestamp)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update maintenance m set is_on = p_on, message = case when p_on then p_message end,
        since = case when not p_on then null when m.is_on then m.since else now() at time zone 'utc' end,
        set_by = nullif(current_setting('stacgate.user_id', true), '')
    returning m.is_on, m.message, m.since
$$;

select stacgate_publish(f::regprocedure) from unnest(array['maintenance_get()', 'maintenance_set(boolean, text)']) as f;
