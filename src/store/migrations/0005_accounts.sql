-- What happens before a tenant is known, or above all of them: SECURITY DEFINER functions, EXECUTE for stacgate_app alone. Times are UTC
-- without zone, as in the tables. `sid` is always the hash that sessions.sid holds (sha256, hex), never the cookie's value.
--
-- session_lookup(sids text[]) -> table (sid text, user_id text, establishment_id text, role text, email text, first_name text,
--     last_name text, profile_image_url text, is_active boolean, expire timestamp, expire_ms bigint, granted text[], revoked text[])
--     Living sessions only (idle and absolute expiry); expire: the earlier of both, expire_ms the same in ms since 1970.
--     is_active: the account and its establishment. granted / revoked: names of personal permissions that hold now.
-- session_create(sid text, user_id text, sess jsonb, expire timestamp) -> boolean   false: no such active account. sess must have
--     "absoluteExpire" (ISO 8601 with zone); "userId" and "establishmentId" are set here.
-- session_delete(sid text) -> text                    the user it was of, null when there was none
-- session_delete_user(user_id text, but text) -> setof text    ends all of a user's but `but` (null: all); gives the sids
-- session_touch(sids text[], idle interval) -> integer         expire = min(now + idle, absolute) for those that live
-- session_sweep() -> integer                          removes what expired, at most 10,000 rows a call
-- signin_lookup(email text) -> table (user_id text, establishment_id text, role text, password text, user_active boolean,
--     establishment_active boolean)                   exact e-mail first, else lower-case if only one fits; at most one row
-- signin_done(user_id text, new_hash text) -> void    last_login_at = now; the password hash too when new_hash is not null
-- register_user(establishment_id text, establishment_slug text, email text, password_hash text, first_name text, last_name text,
--     username text) -> table (outcome text, user_id text, establishment_id text)
--     outcome: created · taken · closed (settings.selfRegistration = false) · no_establishment. Role is always apprenant; id wins over
--     slug; the e-mail is stored in lower case; username null: the e-mail.
-- establishments_public() -> table (id text, name text, slug text, description text, logo text, domain text, created_at timestamp)
--     active ones
-- establishments_all() -> table (… all columns but database_url)     empty unless stacgate.user_id is an active super_admin
-- stacgate_tenant_of(kind text, id text) -> text      the establishment of a thing, for an active super_admin; null otherwise. Kinds:
--     establishment user course module training_session assessment group study_group whiteboard class study_session certificate export
-- person_cards(ids text[]) -> table (id text, first_name text, last_name text, profile_image_url text)
--     public cards of people of stacgate.establishment_id and of super administrators

create function session_lookup(sids text[])
returns table (sid text, user_id text, establishment_id text, role text, email text, first_name text, last_name text,
               profile_image_url text, is_active boolean, expire timestamp, expire_ms bigint, granted text[], revoked text[])
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    utc constant timestamp := now() at time zone 'utc';
begin
    return query
    select s.sid::text, u.id::text, u.establishment_id::text, u.role::text, u.email, u.first_name, u.last_name, u.profile_image_url,
           u.is_active is not false and (e.id is not null and e.is_active is not false
                                         or u.establishment_id is null and u.role = 'super_admin'),
           l.ends, (extract(epoch from l.ends) * 1000)::bigint, coalesce(p.granted, '{}'), coalesce(p.revoked, '{}')
    from sessions s
    cross join lateral (select least(s.expire, (s.sess ->> 'absoluteExpire')::timestamptz at time zone 'utc') as ends) l
    join users u on u.id = s.sess ->> 'userId'
    left join establishments e on e.id = u.establishment_id
    left join lateral (
        select array_agg(distinct q.name) filter (where up.granted is not false) as granted,
               array_agg(distinct q.name) filter (where up.granted is false) as revoked
        from user_permissions up join permissions q on q.id = up.permission_id
        where up.user_id = u.id and (up.expires_at is null or up.expires_at > utc)
    ) p on true
    where s.sid = any (sids) and s.sess ? 'absoluteExpire' and l.ends > utc;
end $$;

create function session_create(p_sid text, p_user_id text, p_sess jsonb, p_expire timestamp) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if (p_sess ->> 'absoluteExpire')::timestamptz is null then
        raise 'a session needs absoluteExpire' using errcode = 'check_violation';
    end if;
    insert into sessions (sid, sess, expire)
    select p_sid, p_sess || jsonb_build_object('userId', u.id, 'establishmentId', u.establishment_id), p_expire
    from users u left join establishments e on e.id = u.establishment_id
    where u.id = p_user_id and u.is_active is not false
      and (e.id is not null and e.is_active is not false or u.establishment_id is null and u.role = 'super_admin');
    return found;
end $$;

create function session_delete(p_sid text) returns text
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from sessions where sid = p_sid returning sess ->> 'userId'
$$;

create function session_delete_user(p_user_id text, p_but text) returns setof text
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from sessions where sess ->> 'userId' = p_user_id and sid is distinct from p_but returning sid
$$;

create function session_touch(p_sids text[], p_idle interval) returns integer
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    utc constant timestamp := now() at time zone 'utc';
    n integer;
begin
    -- Locked in one order, so that two loops that touch the same sessions cannot wait for each other.
    with alive as (
        select sid, least(utc + p_idle, (sess ->> 'absoluteExpire')::timestamptz at time zone 'utc') as ends from sessions
        where sid = any (p_sids) and sess ? 'absoluteExpire' and expire > utc order by sid for update
    )
    update sessions s set expire = alive.ends from alive where alive.sid = s.sid and alive.ends > utc;
    get diagnostics n = row_count;
    return n;
end $$;

create function session_sweep() returns integer
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    n integer;
begin
    delete from sessions where sid in (select sid from sessions where expire <= now() at time zone 'utc'
                                       order by expire limit 10000 for update skip locked);
    get diagnostics n = row_count;
    return n;
end $$;

create function signin_lookup(p_email text)
returns table (user_id text, establishment_id text, role text, password text, user_active boolean, establishment_active boolean)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    found_id text;
begin
    select u.id into found_id from users u where u.email = p_email;
    if found_id is null then
        select min(u.id) into found_id from users u where lower(u.email) = lower(p_email) having count(*) = 1;
    end if;
    return query
    select u.id::text, u.establishment_id::text, u.role::text, u.password, u.is_active is not false,
           e.id is not null and e.is_active is not false or u.establishment_id is null and u.role = 'super_admin'
    from users u left join establishments e on e.id = u.establishment_id where u.id = found_id;
end $$;

create function signin_done(p_user_id text, p_new_hash text) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update users set last_login_at = now() at time zone 'utc', password = coalesce(p_new_hash, password) where id = p_user_id
$$;

create function register_user(p_establishment_id text, p_establishment_slug text, p_email text, p_password_hash text,
                              p_first_name text, p_last_name text, p_username text)
returns table (outcome text, user_id text, establishment_id text)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    e record;
    made text;
begin
    select est.id, est.settings into e from establishments est
    where est.is_active is not false
      and case when p_establishment_id is not null then est.id = p_establishment_id else est.slug = p_establishment_slug end;
    if not found then
        return query select 'no_establishment'::text, null::text, null::text;
    elsif e.settings -> 'selfRegistration' = 'false' then
        return query select 'closed'::text, null::text, e.id::text;
    elsif exists (select from users u where lower(u.email) = lower(p_email)) then
        return query select 'taken'::text, null::text, e.id::text;
    else
        insert into users (establishment_id, email, username, password, first_name, last_name, role)
        values (e.id, lower(p_email), coalesce(p_username, lower(p_email)), p_password_hash, p_first_name, p_last_name, 'apprenant')
        on conflict (email) do nothing returning id into made;
        return query select case when made is null then 'taken' else 'created' end, made, e.id::text;
    end if;
end $$;

create function establishments_public()
returns table (id text, name text, slug text, description text, logo text, domain text, created_at timestamp)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select id, name, slug, description, logo, domain, created_at from establishments where is_active is not false
$$;

create function stacgate_is_super_admin() returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (select from users where id = current_setting('stacgate.user_id', true) and role = 'super_admin'
                   and is_active is not false)
$$;

create function establishments_all()
returns table (id text, name text, slug text, description text, logo text, domain text, is_active boolean, settings jsonb,
               created_at timestamp, updated_at timestamp)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select id, name, slug, description, logo, domain, is_active, settings, created_at, updated_at
    from establishments where (select stacgate_is_super_admin())
$$;

create function stacgate_tenant_of(p_kind text, p_id text) returns text
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if not stacgate_is_super_admin() then
        return null;
    end if;
    return case p_kind
        when 'establishment' then (select id from establishments where id = p_id)
        when 'user' then (select establishment_id from users where id = p_id)
        when 'course' then (select establishment_id from courses where id = p_id)
        when 'module' then (select establishment_id from course_modules where id = p_id)
        when 'training_session' then (select establishment_id from training_sessions where id = p_id)
        when 'assessment' then (select establishment_id from assessments where id = p_id)
        when 'group' then (select establishment_id from study_groups where id = p_id)
        when 'study_group' then (select establishment_id from study_groups where id = p_id)
        when 'whiteboard' then (select establishment_id from whiteboards where id = p_id)
        when 'class' then (select establishment_id from study_sessions where id = p_id)
        when 'study_session' then (select establishment_id from study_sessions where id = p_id)
        when 'certificate' then (select establishment_id from certificates where id = p_id)
        when 'export' then (select establishment_id from export_jobs where id = p_id)
    end;
end $$;

create function person_cards(p_ids text[]) returns table (id text, first_name text, last_name text, profile_image_url text)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    tenant constant text := nullif(current_setting('stacgate.establishment_id', true), '');
begin
    if tenant is null then
        raise 'no establishment is set' using errcode = 'insufficient_privilege';
    end if;
    return query
    select u.id::text, u.first_name, u.last_name, u.profile_image_url from users u
    where u.id = any (p_ids) and (u.establishment_id = tenant or u.establishment_id is null and u.role = 'super_admin');
end $$;

select stacgate_publish(f::regprocedure) from unnest(array[
    'session_lookup(text[])', 'session_create(text, text, jsonb, timestamp)', 'session_delete(text)',
    'session_delete_user(text, text)', 'session_touch(text[], interval)', 'session_sweep()', 'signin_lookup(text)',
    'signin_done(text, text)', 'register_user(text, text, text, text, text, text, text)', 'establishments_public()',
    'establishments_all()', 'stacgate_is_super_admin()', 'stacgate_tenant_of(text, text)', 'person_cards(text[])']) as f;
