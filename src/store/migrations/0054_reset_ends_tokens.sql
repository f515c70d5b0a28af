-- Who resets a password may do so because somebody else got in: API tokens that were made meanwhile would let them stay. They end with the
-- sign-ins, unless the person says that theirs are in use and trusted.
--
-- password_reset(code hash, password hash, language, keep tokens) -> text    whose it was, null: no such code, or no longer. The code is used
--     up, every sign-in ends, and every API token; it came by mail, so it proves the address

drop function password_reset(text, text, text);
create function password_reset(p_hash text, p_password text, p_language text, p_keep_tokens boolean) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who text;
    had text;
    ended integer := 0;
begin
    delete from account_tokens where token_hash = p_hash and purpose = 'set-password' and expires_at > now() at time zone 'utc'
    returning user_id into who;
    if who is null then
        return null;
    end if;
    delete from account_tokens where user_id = who and purpose in ('set-password', 'verify-email');
    select password into had from users where id = who for no key update;
    update users set password = p_password, is_email_verified = true, updated_at = now() at time zone 'utc' where id = who;
    perform session_delete_user(who, null);
    -- The code says who acts, in the audit rows of the tokens too.
    perform set_config('stacgate.user_id', who, true);
    if not p_keep_tokens then
        delete from api_tokens where user_id = who;
        get diagnostics ended = row_count;
    end if;
    if had <> '!' then
        perform password_mail(who, p_language);
    end if;
    perform audit_note('password.reset', 'user', who, jsonb_build_object('tokens', ended), (select establishment_id from users where id = who), who);
    return who;
end $$;
select stacgate_publish('password_reset(text, text, text, boolean)'::regprocedure);
