-- Grants over REST. What a role may do is one list for the whole installation, set by super administrators; a person's own grants and
-- refusals are rows of their school. What ends takes effect by itself: a look-up says when its person is to be looked up again.
--
-- role_permissions_set(role, permissions, catalogue) -> (refusal, changed, answer)   of the catalogue's names the role has exactly these
--     from now on; an adopted installation's other names stay. refusal: a word of problems.def, or null
-- session_lookup, api_token_lookup: as before; expire_ms is also no later than the first end of a personal grant or refusal that holds now

create policy definer_all on role_permissions to stacgate_definer using (true) with check (true);
grant insert, delete on role_permissions to stacgate_definer;

create function role_permissions_set(p_role text, p_names text[], p_catalogue text[], out refusal text, out changed boolean, out answer json)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    gone integer;
    made integer;
begin
    changed := false;
    refusal := case when not stacgate_is_super_admin() then 'forbidden'
                    when p_role <> all (enum_range(null::user_role)::text[]) then 'not_found'
                    when not p_names <@ p_catalogue then 'invalid permissions choice'
                    when p_role = 'super_admin' and not p_catalogue <@ p_names then 'whole_role' end;
    if refusal is not null then
        return;
    end if;
    -- One change at a time: two at once would leave neither's list.
    perform pg_advisory_xact_lock(hashtext('stacgate.role_permissions'));
    delete from role_permissions rp using permissions p
    where p.id = rp.permission_id and rp.role = p_role::user_role and p.name = any (p_catalogue) and p.name <> all (p_names);
    get diagnostics gone = row_count;
    insert into role_permissions (role, permission_id)
    select p_role::user_role, p.id from permissions p
    where p.name = any (p_names) and not exists (select from role_permissions x where x.role = p_role::user_role and x.permission_id = p.id);
    get diagnostics made = row_count;
    changed := gone + made > 0;
    answer := json_build_object('role', p_role, 'permissions', array(select distinct unnest(p_names) order by 1));
end $$;
select stacgate_publish('role_permissions_set(text, text[], text[])'::regprocedure);

create or replace function session_lookup(sids text[])
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
           l.ends, (extract(epoch from least(l.ends, p.ends)) * 1000)::bigint, coalesce(p.granted, '{}'), coalesce(p.revoked, '{}')
    from sessions s
    cross join lateral (select least(s.expire, (s.sess ->> 'absoluteExpire')::timestamptz at time zone 'utc') as ends) l
    join users u on u.id = s.sess ->> 'userId'
    left join establishments e on e.id = u.establishment_id
    left join lateral (
        select array_agg(distinct q.name) filter (where up.granted is not false) as granted,
               array_agg(distinct q.name) filter (where up.granted is false) as revoked, min(up.expires_at) as ends
        from user_permissions up join permissions q on q.id = up.permission_id
        where up.user_id = u.id and (up.expires_at is null or up.expires_at > utc)
    ) p on true
    where s.sid = any (sids) and s.sess ? 'absoluteExpire' and l.ends > utc;
end $$;

create or replace function api_token_lookup(hashes text[])
returns table (sid text, user_id text, establishment_id text, role text, email text, first_name text, last_name text,
               profile_image_url text, is_active boolean, expire_ms bigint, granted text[], revoked text[], scopes text[])
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select t.token_hash, u.id::text, u.establishment_id::text, u.role::text, u.email, u.first_name, u.last_name, u.profile_image_url,
           u.is_active is not false and (e.id is not null and e.is_active is not false
                                         or u.establishment_id is null and u.role = 'super_admin'),
           (extract(epoch from least(t.expires_at, p.ends)) * 1000)::bigint, coalesce(p.granted, '{}'), coalesce(p.revoked, '{}'), t.scopes
    from api_tokens t
    join users u on u.id = t.user_id
    left join establishments e on e.id = u.establishment_id
    left join lateral (
        select array_agg(distinct q.name::text) filter (where up.granted is not false) as granted,
               array_agg(distinct q.name::text) filter (where up.granted is false) as revoked, min(up.expires_at) as ends
        from user_permissions up join permissions q on q.id = up.permission_id
        where up.user_id = u.id and (up.expires_at is null or up.expires_at > now() at time zone 'utc')
    ) p on true
    where t.token_hash = any (hashes) and t.expires_at > now() at time zone 'utc'
$$;
