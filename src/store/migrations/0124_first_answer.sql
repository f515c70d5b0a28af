-- An answer that is kept for a key stays the first one for its day: what comes later with that key, because nobody knew the outcome of what came
-- first, is undone (unique_violation of idempotency_keys_pkey) instead of being a second effect.
create or replace function idempotency_keep(p_key text, p_body_hash text, p_status integer) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    kept constant text := nullif(current_setting('stacgate.answer', true), '');
begin
    if kept is null then
        return;
    end if;
    insert into idempotency_keys as k (user_id, key, body_hash, status, answer)
    values (current_setting('stacgate.user_id'), p_key, p_body_hash, p_status, kept)
    on conflict (user_id, key) do update set
        body_hash = excluded.body_hash, status = excluded.status, answer = excluded.answer, at = now()
    where k.at <= now() - interval '1 day';
    if not found then
        raise 'this key has its answer' using errcode = 'unique_violation', constraint = 'idempotency_keys_pkey';
    end if;
end $$;
