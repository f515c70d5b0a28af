-- Idempotency keys: the answer to a POST, kept for a day per person, in the transaction of its effect. A statement hands its answer over by
-- answer(), and idempotency_keep, later in the same group, stores it; without an answer (a refusal) it stores nothing.
--
-- answer(j json) -> json                                            j itself
-- idempotency_find(key) -> table (body_hash, status, answer)        of the caller (stacgate.user_id)
-- idempotency_keep(key, body_hash, status) -> void
-- idempotency_sweep() -> void

create table idempotency_keys (
    user_id varchar not null references users on delete cascade,
    key text not null,
    body_hash text not null,
    status integer not null,
    answer text not null,
    at timestamptz not null default now(),
    primary key (user_id, key)
);
create index idempotency_keys_at on idempotency_keys (at);
select stacgate_definer_reads('idempotency_keys', 'select, insert, update, delete');

create function answer(j json) returns json language sql volatile as $$ select set_config('stacgate.answer', j::text, true)::json $$;

create function idempotency_find(p_key text) returns table (body_hash text, status integer, answer text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select k.body_hash, k.status, k.answer from idempotency_keys k
    where k.user_id = nullif(current_setting('stacgate.user_id', true), '') and k.key = p_key and k.at > now() - interval '1 day'
$$;

create function idempotency_keep(p_key text, p_body_hash text, p_status integer) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into idempotency_keys (user_id, key, body_hash, status, answer)
    select current_setting('stacgate.user_id'), p_key, p_body_hash, p_status, current_setting('stacgate.answer', true)
    where nullif(current_setting('stacgate.answer', true), '') is not null
    on conflict (user_id, key) do update set
        body_hash = excluded.body_hash, status = excluded.status, answer = excluded.answer, at = now()
$$;

create function idempotency_sweep() returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from idempotency_keys where at < now() - interval '1 day'
$$;

select stacgate_publish(f::regprocedure)
from unnest(array['idempotency_find(text)', 'idempotency_keep(text, text, integer)', 'idempotency_sweep()']) as f;
