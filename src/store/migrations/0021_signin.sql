-- Sign-in: what was tried and failed, in numbers that outlive a restart, and the addresses that an account has signed in from. Keys are
-- hashes, so that the tables name nobody. Counters stand for addresses that no account has just as for real ones: nothing tells them apart.
--
-- signin_begin(email, address, account_key, address_key, pair_window, account_window, address_window interval) -> one row, always:
--     (user_id, establishment_id, role, password, user_active, establishment_active, demo,      null/false for an unknown address
--      pair_failures, account_failures, address_failures int, known boolean,                    known: this address signed in before
--      pair_wait, account_wait, address_wait int)                                               seconds until that counter starts anew
-- signin_failed(account_key, address_key, pair_window, account_window, address_window) -> void  one more failure in all three
-- signin_passed(user_id, new_hash, account_key, address_key) -> void    forgets the pair's failures, remembers the address, signin_done
-- signin_sweep() -> void                                                drops counters a day old, addresses unused for half a year

create table signin_failures (
    kind "char" not null, -- p: account and address, c: account, a: address
    key text not null,
    failures integer not null,
    since timestamptz not null,
    primary key (kind, key)
) with (fillfactor = 70);
create table signin_addresses (
    account_key text not null,
    address_key text not null,
    last_at timestamptz not null,
    primary key (account_key, address_key)
);
create index signin_failures_since on signin_failures (since);
select stacgate_definer_reads('signin_failures', 'select, insert, update, delete');
select stacgate_definer_reads('signin_addresses', 'select, insert, update, delete');

create function signin_counter(p_kind "char", p_key text, p_window interval, out failures integer, out wait integer)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    select f.failures, ceil(extract(epoch from f.since + p_window - now()))::integer into failures, wait
    from signin_failures f where f.kind = p_kind and f.key = p_key and f.since + p_window > now();
    failures := coalesce(failures, 0);
    wait := coalesce(wait, 0);
end $$;

create function signin_begin(p_email text, p_account text, p_address text, p_pair_window interval, p_account_window interval,
                             p_address_window interval)
returns table (user_id text, establishment_id text, role text, password text, user_active boolean, establishment_active boolean,
               demo boolean, pair_failures integer, account_failures integer, address_failures integer, known boolean,
               pair_wait integer, account_wait integer, address_wait integer)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
begin
    return query
    select l.user_id, l.establishment_id, l.role, l.password, l.user_active, l.establishment_active,
           coalesce((select u.metadata -> 'demo' = 'true' from users u where u.id = l.user_id), false),
           p.failures, c.failures, a.failures,
           exists (select from signin_addresses s where s.account_key = p_account and s.address_key = p_address),
           p.wait, c.wait, a.wait
    from (select) one left join signin_lookup(p_email) l on true
    cross join signin_counter('p', p_account || p_address, p_pair_window) p
    cross join signin_counter('c', p_account, p_account_window) c
    cross join signin_counter('a', p_address, p_address_window) a;
end $$;

create function signin_failed(p_account text, p_address text, p_pair_window interval, p_account_window interval,
                              p_address_window interval) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    -- The same order of keys always, so that two failures at once cannot wait for each other.
    insert into signin_failures as f (kind, key, failures, since)
    values ('a', p_address, 1, now()), ('c', p_account, 1, now()), ('p', p_account || p_address, 1, now())
    on conflict (kind, key) do update set (failures, since) = (
        select case when alive then f.failures + 1 else 1 end, case when alive then f.since else now() end
        from (select f.since + case f.kind when 'a' then p_address_window when 'c' then p_account_window
                                           else p_pair_window end > now() as alive) w);
end $$;

create function signin_passed(p_user_id text, p_new_hash text, p_account text, p_address text) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from signin_failures where kind = 'p' and key = p_account || p_address;
    insert into signin_addresses values (p_account, p_address, now())
    on conflict (account_key, address_key) do update set last_at = now();
    select signin_done(p_user_id, p_new_hash)
$$;

create function signin_sweep() returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from signin_failures where since < now() - interval '1 day';
    delete from signin_addresses where last_at < now() - interval '180 days'
$$;

select stacgate_publish(f::regprocedure) from unnest(array['signin_begin(text, text, text, interval, interval, interval)',
    'signin_failed(text, text, interval, interval, interval)', 'signin_passed(text, text, text, text)', 'signin_sweep()']) as f;
alter function signin_counter("char", text, interval) owner to stacgate_definer;
revoke execute on function signin_counter("char", text, interval) from public;
