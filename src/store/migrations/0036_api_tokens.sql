-- API tokens: what a program shows instead of a session. Only a token's hash is stored; its first characters stay readable, so that its
-- owner can tell them apart. A token is its person's: it ends with the account, and can never do more than the person may.
--
-- api_token_create(name, hash, prefix, scopes, days) -> json        of the caller; null: too many
-- api_token_list() -> json                                          of the caller, newest first
-- api_token_revoke(id) -> text                                      its hash; null: no such token of the caller
-- api_token_lookup(hashes) -> session_lookup's columns and scopes   the living ones
-- api_token_touch(hashes) -> void                                   they were used
-- api_token_sweep() -> void                                         those that ended a month ago

create table api_tokens (
    id varchar primary key default gen_random_uuid(),
    user_id varchar not null references users on delete cascade,
    name text not null,
    token_hash text not null unique,
    prefix text not null,
    scopes text[] not null,         -- read, write, realtime
    created_at timestamp not null default (now() at time zone 'utc'),
    expires_at timestamp not null,
    last_used_at timestamp
);
create index api_tokens_user on api_tokens (user_id, created_at desc);
create index api_tokens_expires on api_tokens (expires_at);
select stacgate_definer_reads('api_tokens', 'select, insert, update, delete');

create function api_token_json(t api_tokens) returns json
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select json_build_object('id', t.id, 'name', t.name, 'prefix', t.prefix, 'scopes', to_json(t.scopes),
                             'createdAt', iso8601(t.created_at), 'expiresAt', iso8601(t.expires_at), 'lastUsedAt', iso8601(t.last_used_at))
$$;

create function api_token_create(p_name text, p_hash text, p_prefix text, p_scopes text[], p_days integer) returns json
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    me constant text := nullif(current_setting('stacgate.user_id', true), '');
    made api_tokens;
begin
    -- One's own row is locked, so that two requests at once cannot pass the limit together.
    perform from users where id = me for no key update;
    if (select count(*) from api_tokens where user_id = me and expires_at > now() at time zone 'utc') >= 50 then
        return null;
    end if;
    insert into api_tokens (user_id, name, token_hash, prefix, scopes, expires_at)
    values (me, p_name, p_hash, p_prefix, p_scopes, now() at time zone 'utc' + make_interval(days => p_days)) returning * into made;
    return api_token_json(made);
end $$;

create function api_token_list() returns json
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select coalesce(json_agg(api_token_json(t) order by t.created_at desc, t.id), '[]') from api_tokens t
    where t.user_id = nullif(current_setting('stacgate.user_id', true), '')
$$;

create function api_token_revoke(p_id text) returns text
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from api_tokens where id = p_id and user_id = nullif(current_setting('stacgate.user_id', true), '') returning token_hash
$$;

create function api_token_lookup(hashes text[])
returns table (sid text, user_id text, establishment_id text, role text, email text, first_name text, last_name text,
               profile_image_url text, is_active boolean, expire_ms bigint, granted text[], revoked text[], scopes text[])
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select t.token_hash, u.id::text, u.establishment_id::text, u.role::text, u.email, u.first_name, u.last_name, u.profile_image_url,
           u.is_active is not false and (e.id is not null and e.is_active is not false
                                         or u.establishment_id is null and u.role = 'super_admin'),
           (extract(epoch from t.expires_at) * 1000)::bigint, coalesce(p.granted, '{}'), coalesce(p.revoked, '{}'), t.scopes
    from api_tokens t
    join users u on u.id = t.user_id
    left join establishments e on e.id = u.establishment_id
    left join lateral (
        select array_agg(distinct q.name::text) filter (where up.granted is not false) as granted,
               array_agg(distinct q.name::text) filter (where up.granted is false) as revoked
        from user_permissions up join permissions q on q.id = up.permission_id
        where up.user_id = u.id and (up.expires_at is null or up.expires_at > now() at time zone 'utc')
    ) p on true
    where t.token_hash = any (hashes) and t.expires_at > now() at time zone 'utc'
$$;

create function api_token_touch(hashes text[]) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update api_tokens t set last_used_at = now() at time zone 'utc'
    from (select id from api_tokens where token_hash = any (hashes) order by id for no key update) used where used.id = t.id
$$;

create function api_token_sweep() returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from api_tokens where expires_at < now() at time zone 'utc' - interval '30 days'
$$;

select stacgate_publish(f::regprocedure)
from unnest(array['api_token_create(text, text, text, text[], integer)', 'api_token_list()', 'api_token_revoke(text)',
                  'api_token_lookup(text[])', 'api_token_touch(text[])', 'api_token_sweep()']) as f;
alter function api_token_json(api_tokens) owner to stacgate_definer;
revoke execute on function api_token_json(api_tokens) from public;
