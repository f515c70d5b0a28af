-- Whoever changes the password is still signed in when that is written, not only when their current one was looked at: of several changes at once
-- one is made, as it ends the other sign-ins, and none comes behind a reset. Else invalid_authorization_specification.
create or replace function password_change(p_hash text, p_current text, p_language text) returns setof text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    me constant text := nullif(current_setting('stacgate.user_id', true), '');
begin
    update users set password = p_hash, updated_at = now() at time zone 'utc' where id = me;
    perform from sessions where sid = p_current and sess ->> 'userId' = me;
    if not found then
        raise 'this sign-in has ended' using errcode = 'invalid_authorization_specification';
    end if;
    delete from account_tokens where user_id = me and purpose = 'set-password';
    perform password_mail(me, p_language);
    perform audit_note('password.changed', 'user', me, null, (select establishment_id from users where id = me));
    return query select session_delete_user(me, p_current);
end $$;
