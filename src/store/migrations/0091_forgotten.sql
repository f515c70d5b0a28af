-- Who is erased stands in no answer either that is kept for a repeated request: not in their own, nor in those of who made their account.
create or replace function user_forget(p_user text) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform from users where id = p_user and establishment_id = current_setting('stacgate.establishment_id', true);
    if not found then
        return;
    end if;
    perform session_delete_user(p_user, null);
    delete from outbox o using users u where u.id = p_user and lower(o.recipient) = lower(u.email);
    delete from account_tokens where user_id = p_user;
    delete from api_tokens where user_id = p_user;
    delete from idempotency_keys where user_id = p_user or strpos(answer, p_user) > 0;
    update users set password = '!' where id = p_user;
end $$;
