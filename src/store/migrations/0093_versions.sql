-- What If-Match compares, where it was missing: a board's version moves with its title, a preference's with each choice, and a super_admin sees a
-- school's own.
--
-- establishments_all() -> table (… all columns but database_url)     empty unless stacgate.user_id is an active super_admin

alter table whiteboards add column if not exists row_version bigint not null default 1;
alter table notification_preferences add column if not exists row_version bigint not null default 1;

drop function establishments_all();
create function establishments_all()
returns table (id text, name text, slug text, description text, logo text, domain text, is_active boolean, settings jsonb,
               created_at timestamp, updated_at timestamp, row_version bigint)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select id, name, slug, description, logo, domain, is_active, settings, created_at, updated_at, row_version
    from establishments where (select stacgate_is_super_admin())
$$;
select stacgate_publish('establishments_all()'::regprocedure);
