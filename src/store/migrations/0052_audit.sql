-- The audit log: who did what that matters for security, when, from where, to whom. A row is written by the database in the transaction of
-- the act (triggers, and the functions that are the act), so that no act is without its row, whatever did it. Nobody changes or removes
-- rows: the server's role may only read those of its school. One partition a month.
--
-- stacgate_partitions() -> void                                       makes what is missing up to a year ahead; for the owner
-- audit_note(action, type, id, detail, establishment, actor) -> void  for other functions of ours
-- audit_own(action, type, id, detail) -> void                         an act that changes no row; within the caller's school
-- audit_all(filters, time, id, limit) -> setof audit_log              every school's, for super administrators
--
-- Actions: user.created .role .activated .deactivated .email .erased · permission.granted .refused .removed · role.added .removed ·
-- establishment.created .changed .opened .closed · export.created .deleted .downloaded · maintenance.on .off · token.created .revoked ·
-- certificate.revoked · signin.passed .failed · session.ended · password.changed .reset .asked

create table audit_log (
    id varchar not null default gen_random_uuid(),
    at timestamp not null default (now() at time zone 'utc'),
    establishment_id varchar,       -- null: the whole installation's
    actor_id varchar,               -- null: nobody signed in, or a command on the server
    address text,                   -- where the request came from
    action text not null,
    subject_type text,
    subject_id varchar,
    detail jsonb not null default '{}',
    primary key (at, id)
) partition by range (at);
create index audit_log_newest on audit_log (establishment_id, at desc, id desc);
create index audit_log_subject on audit_log (subject_id, at desc);
create table audit_log_other partition of audit_log default;
select stacgate_tenant_table('audit_log', 'select'), stacgate_tenant_table('audit_log_other', 'select');
select stacgate_definer_reads('audit_log', 'select, insert'), stacgate_definer_reads('audit_log_other', 'select, insert');

create function stacgate_partitions() returns void
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    month timestamp := date_trunc('month', now() at time zone 'utc');
    name text;
begin
    for i in 0..12 loop
        name := 'audit_log_' || to_char(month, 'YYYY_MM');
        -- What came meanwhile without its partition stays where it is.
        if to_regclass('public.' || name) is null
           and not exists (select from audit_log_other where at >= month and at < month + interval '1 month') then
            execute format('create table public.%I partition of public.audit_log for values from (%L) to (%L)', name, month, month + interval '1 month');
            perform stacgate_tenant_table(name::regclass, 'select'), stacgate_definer_reads(name::regclass, 'select, insert');
        end if;
        month := month + interval '1 month';
    end loop;
end $$;
revoke execute on function stacgate_partitions() from public;
select stacgate_partitions();

create function audit_note(p_action text, p_type text, p_id text, p_detail jsonb, p_establishment text,
                           p_actor text default nullif(current_setting('stacgate.user_id', true), '')) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into audit_log (establishment_id, actor_id, address, action, subject_type, subject_id, detail)
    values (p_establishment, p_actor, nullif(current_setting('stacgate.address', true), ''), p_action, p_type, p_id, coalesce(p_detail, '{}'))
$$;
alter function audit_note(text, text, text, jsonb, text, text) owner to stacgate_definer;
revoke execute on function audit_note(text, text, text, jsonb, text, text) from public;

create function audit_own(p_action text, p_type text, p_id text, p_detail jsonb) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    select audit_note(p_action, p_type, p_id, p_detail, nullif(current_setting('stacgate.establishment_id', true), ''))
$$;
select stacgate_publish('audit_own(text, text, text, jsonb)'::regprocedure);

create function audit_all(p_filters jsonb, p_at timestamp, p_id text, p_limit bigint) returns setof audit_log
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if not stacgate_is_super_admin() then
        return;
    end if;
    return query
    select a.* from audit_log a
    where (p_at is null or (a.at, a.id) < (p_at, p_id))
      and (p_filters ->> 'action' is null or a.action = p_filters ->> 'action')
      and (p_filters ->> 'actorId' is null or a.actor_id = p_filters ->> 'actorId')
      and (p_filters ->> 'subjectId' is null or a.subject_id = p_filters ->> 'subjectId')
      and (p_filters ->> 'from' is null or a.at >= (p_filters ->> 'from')::timestamptz at time zone 'utc')
      and (p_filters ->> 'to' is null or a.at < (p_filters ->> 'to')::timestamptz at time zone 'utc')
    order by a.at desc, a.id desc limit p_limit;
end $$;
select stacgate_publish('audit_all(jsonb, timestamp, text, bigint)'::regprocedure);

-- ---- what rows say of acts

create function audit_users() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        perform audit_note('user.created', 'user', new.id, jsonb_build_object('role', new.role), new.establishment_id);
        return null;
    end if;
    if new.email like '%@deleted.invalid' and old.email not like '%@deleted.invalid' then
        perform audit_note('user.erased', 'user', new.id, jsonb_build_object('role', old.role), new.establishment_id);
        return null;
    end if;
    if new.role is distinct from old.role then
        perform audit_note('user.role', 'user', new.id, jsonb_build_object('from', old.role, 'to', new.role), new.establishment_id);
    end if;
    if (new.is_active is not false) <> (old.is_active is not false) then
        perform audit_note(case when new.is_active is not false then 'user.activated' else 'user.deactivated' end, 'user', new.id, null,
                           new.establishment_id);
    end if;
    if new.email <> old.email then
        perform audit_note('user.email', 'user', new.id, null, new.establishment_id);
    end if;
    return null;
end $$;
create trigger audit after insert or update of role, is_active, email on users for each row execute function audit_users();

create function audit_user_permissions() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    g constant user_permissions := case when tg_op = 'DELETE' then old else new end;
begin
    perform audit_note(case when tg_op = 'DELETE' then 'permission.removed' when g.granted is not false then 'permission.granted'
                            else 'permission.refused' end, 'user', g.user_id,
                       jsonb_build_object('permission', (select name from permissions where id = g.permission_id), 'granted', g.granted is not false,
                                          'reason', g.reason, 'expiresAt', iso8601(g.expires_at)),
                       coalesce(g.establishment_id, (select establishment_id from users where id = g.user_id)));
    return null;
end $$;
create trigger audit after insert or delete on user_permissions for each row execute function audit_user_permissions();

create function audit_role_permissions() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    g constant role_permissions := case when tg_op = 'DELETE' then old else new end;
begin
    perform audit_note(case when tg_op = 'DELETE' then 'role.removed' else 'role.added' end, 'role', g.role::text,
                       jsonb_build_object('permission', (select name from permissions where id = g.permission_id)), null);
    return null;
end $$;
create trigger audit after insert or delete on role_permissions for each row execute function audit_role_permissions();

create function audit_establishments() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    fields text[];
begin
    if tg_op = 'INSERT' then
        perform audit_note('establishment.created', 'establishment', new.id, jsonb_build_object('slug', new.slug), new.id);
        return null;
    end if;
    fields := array(select n.key from jsonb_each(to_jsonb(new)) n join jsonb_each(to_jsonb(old)) o using (key)
                    where n.key in ('name', 'slug', 'description', 'logo', 'domain', 'database_url', 'settings') and n.value <> o.value order by 1);
    if fields <> '{}' then
        perform audit_note('establishment.changed', 'establishment', new.id, jsonb_build_object('fields', fields), new.id);
    end if;
    if (new.is_active is not false) <> (old.is_active is not false) then
        perform audit_note(case when new.is_active is not false then 'establishment.opened' else 'establishment.closed' end, 'establishment',
                           new.id, null, new.id);
    end if;
    return null;
end $$;
create trigger audit after insert or update of name, slug, description, logo, domain, database_url, settings, is_active on establishments
    for each row execute function audit_establishments();

create function audit_export_jobs() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    e constant export_jobs := case when tg_op = 'DELETE' then old else new end;
begin
    perform audit_note(case when tg_op = 'DELETE' then 'export.deleted' else 'export.created' end, 'export', e.id,
                       jsonb_build_object('type', e.type, 'datasets', e.config -> 'datasets', 'of', e.user_id), e.establishment_id);
    return null;
end $$;
create trigger audit after insert or delete on export_jobs for each row execute function audit_export_jobs();

create function audit_maintenance() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform audit_note(case when new.is_on then 'maintenance.on' else 'maintenance.off' end, null, null,
                       jsonb_build_object('message', new.message), null);
    return null;
end $$;
create trigger audit after update on maintenance for each row when (old.is_on <> new.is_on) execute function audit_maintenance();

-- What swept itself away at its end was no act.
create function audit_api_tokens() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    t constant api_tokens := case when tg_op = 'DELETE' then old else new end;
begin
    perform audit_note(case when tg_op = 'DELETE' then 'token.revoked' else 'token.created' end, 'user', t.user_id,
                       jsonb_build_object('prefix', t.prefix, 'scopes', t.scopes, 'expiresAt', iso8601(t.expires_at)),
                       (select establishment_id from users where id = t.user_id));
    return null;
end $$;
create trigger audit_made after insert on api_tokens for each row execute function audit_api_tokens();
create trigger audit_gone after delete on api_tokens for each row when (old.expires_at > now() at time zone 'utc')
    execute function audit_api_tokens();

create function audit_certificates() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform audit_note('certificate.revoked', 'certificate', new.id, jsonb_build_object('of', new.user_id), new.establishment_id);
    return null;
end $$;
create trigger audit after update of is_valid on certificates for each row when (old.is_valid is not false and new.is_valid is false)
    execute function audit_certificates();

do $$
declare
    f text;
begin
    foreach f in array array['audit_users', 'audit_user_permissions', 'audit_role_permissions', 'audit_establishments', 'audit_export_jobs',
                             'audit_maintenance', 'audit_api_tokens', 'audit_certificates'] loop
        execute format('revoke execute on function %I() from public', f);
        execute format('alter function %I() owner to stacgate_definer', f);
    end loop;
end $$;

-- ---- signing in and out: the functions that are the act

create or replace function signin_passed(p_user_id text, p_new_hash text, p_account text, p_address text) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from signin_failures where kind = 'p' and key = p_account || p_address;
    insert into signin_addresses values (p_account, p_address, now())
    on conflict (account_key, address_key) do update set last_at = now();
    select audit_note('signin.passed', 'user', p_user_id, null, (select establishment_id from users where id = p_user_id), p_user_id);
    select signin_done(p_user_id, p_new_hash)
$$;

-- Whose account it was stands in the setting, if anybody's; nobody is signed in.
create or replace function signin_failed(p_account text, p_address text, p_pair_window interval, p_account_window interval,
                                         p_address_window interval) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    whose constant text := nullif(current_setting('stacgate.user_id', true), '');
begin
    -- The same order of keys always, so that two failures at once cannot wait for each other.
    insert into signin_failures as f (kind, key, failures, since)
    values ('a', p_address, 1, now()), ('c', p_account, 1, now()), ('p', p_account || p_address, 1, now())
    on conflict (kind, key) do update set (failures, since) = (
        select case when alive then f.failures + 1 else 1 end, case when alive then f.since else now() end
        from (select f.since + case f.kind when 'a' then p_address_window when 'c' then p_account_window
                                           else p_pair_window end > now() as alive) w);
    perform audit_note('signin.failed', 'user', whose, null, (select establishment_id from users where id = whose), null);
end $$;

create or replace function session_delete(p_sid text) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    whose text;
begin
    delete from sessions where sid = p_sid returning sess ->> 'userId' into whose;
    if whose is not null then
        perform audit_note('session.ended', 'user', whose, null, (select establishment_id from users where id = whose), whose);
    end if;
    return whose;
end $$;
