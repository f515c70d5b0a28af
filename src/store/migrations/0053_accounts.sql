-- One's own account: the sign-ins one has, another password, a forgotten one, a proven address.
--
-- session_list(current sid, idle) -> json            the caller's living sign-ins, newest use first
-- session_end(sid) -> text                           one of the caller's; its sid, null: they have none of that id
-- session_end_others(current sid) -> setof text      the sids of those that ended
-- password_change(hash, current sid, language) -> setof text   of the caller: the other sign-ins end, codes for a new password too; their
--     sids. Whoever it is of gets a mail
-- password_ask(e-mail, code hash, code, language, link, most) -> integer    what password_forgot did, at most so often an hour for an
--     address, whether it has an account or not; seconds until it may be asked again, null: it was done
-- password_reset(code hash, password hash, language) -> text    whose it was, null: no such code, or no longer. The code is used up, every
--     sign-in ends; it came by mail, so it proves the address
-- email_ask(code hash, code, language, link, most) -> integer    a code for the caller's own address; as password_ask
-- email_verify(code hash) -> text                    whose address is proven now; null: no such code, or no longer

grant update (is_email_verified) on users to stacgate_definer;

create function session_list(p_current text, p_idle interval) returns json
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select coalesce(json_agg(json_build_object('id', sid, 'current', sid = p_current, 'createdAt', iso8601(made), 'lastUsedAt', iso8601(used),
               'expiresAt', iso8601(ends), 'userAgent', agent, 'address', address) order by used desc, sid), '[]')
    from (
        select s.sid, (s.sess ->> 'createdAt')::timestamptz at time zone 'utc' as made, s.sess ->> 'userAgent' as agent, s.sess ->> 'address' as address,
               least(s.expire, (s.sess ->> 'absoluteExpire')::timestamptz at time zone 'utc') as ends,
               greatest(s.expire - p_idle, (s.sess ->> 'createdAt')::timestamptz at time zone 'utc') as used
        from sessions s where s.sess ->> 'userId' = nullif(current_setting('stacgate.user_id', true), '') and s.sess ? 'absoluteExpire'
    ) one where ends > now() at time zone 'utc'
$$;

create function session_end(p_sid text) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    me constant text := nullif(current_setting('stacgate.user_id', true), '');
begin
    perform from sessions where sid = p_sid and sess ->> 'userId' = me;
    return case when found and session_delete(p_sid) is not null then p_sid end;
end $$;

create function session_end_others(p_current text) returns setof text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    me constant text := nullif(current_setting('stacgate.user_id', true), '');
    n integer;
begin
    return query select session_delete_user(me, p_current);
    get diagnostics n = row_count;
    if n > 0 then
        perform audit_note('session.ended', 'user', me, jsonb_build_object('sessions', n), (select establishment_id from users where id = me));
    end if;
end $$;

create function password_mail(p_user text, p_language text) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into outbox (establishment_id, template, recipient, language, subject, body)
    select u.establishment_id, 'password-changed', u.email, p_language,
        case p_language when 'en' then 'Your password was changed' else 'Votre mot de passe a été changé' end,
        case p_language when 'en' then E'The password of your account was changed just now.\n\nIf that was not you, ask for a new one at once and tell your school.\n'
             else E'Le mot de passe de votre compte vient d''être changé.\n\nSi ce n''était pas vous, demandez-en un nouveau sans attendre et prévenez votre établissement.\n' end
    from users u where u.id = p_user
$$;
alter function password_mail(text, text) owner to stacgate_definer;
revoke execute on function password_mail(text, text) from public;

create function password_change(p_hash text, p_current text, p_language text) returns setof text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    me constant text := nullif(current_setting('stacgate.user_id', true), '');
begin
    update users set password = p_hash, updated_at = now() at time zone 'utc' where id = me;
    delete from account_tokens where user_id = me and purpose = 'set-password';
    perform password_mail(me, p_language);
    perform audit_note('password.changed', 'user', me, null, (select establishment_id from users where id = me));
    return query select session_delete_user(me, p_current);
end $$;

-- How often something was asked for this address within the hour; one more when it is not yet too often (then null), else the seconds left.
create function asked_too_often(p_email text, p_kind "char", p_most integer) returns integer
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    address_key constant text := encode(sha256(convert_to(lower(p_email), 'UTF8')), 'hex');
    c signin_failures;
begin
    insert into signin_failures as f (kind, key, failures, since) values (p_kind, address_key, 1, now())
    on conflict (kind, key) do update set (failures, since) = (
        select case when alive then f.failures + 1 else 1 end, case when alive then f.since else now() end
        from (select f.since + interval '1 hour' > now() as alive) w)
    returning * into c;
    return case when c.failures > p_most then greatest(1, ceil(extract(epoch from c.since + interval '1 hour' - now())))::integer end;
end $$;
alter function asked_too_often(text, "char", integer) owner to stacgate_definer;
revoke execute on function asked_too_often(text, "char", integer) from public;

create function password_ask(p_email text, p_hash text, p_code text, p_language text, p_link text, p_most integer) returns integer
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    wait constant integer := asked_too_often(p_email, 'r', p_most);
    whose text;
begin
    if wait is null then
        perform password_forgot(p_email, p_hash, p_code, p_language, p_link);
        select user_id into whose from account_tokens where token_hash = p_hash;
        perform audit_note('password.asked', 'user', whose, null, (select establishment_id from users where id = whose), null);
    end if;
    return wait;
end $$;

create function password_reset(p_hash text, p_password text, p_language text) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who text;
    had text;
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
    if had <> '!' then
        perform password_mail(who, p_language);
    end if;
    perform audit_note('password.reset', 'user', who, null, (select establishment_id from users where id = who), who);
    return who;
end $$;
drop function password_set(text, text);

create function email_ask(p_hash text, p_code text, p_language text, p_link text, p_most integer) returns integer
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who record;
    wait integer;
begin
    select u.id, u.email, u.establishment_id into who from users u
    where u.id = nullif(current_setting('stacgate.user_id', true), '') and u.is_email_verified is not true;
    if not found then
        return null;
    end if;
    wait := asked_too_often(who.email, 'v', p_most);
    if wait is not null then
        return wait;
    end if;
    delete from account_tokens where user_id = who.id and purpose = 'verify-email';
    insert into account_tokens values (p_hash, who.id, 'verify-email', now() at time zone 'utc' + interval '2 days');
    insert into outbox (establishment_id, template, recipient, language, subject, body)
    values (who.establishment_id, 'verify-email', who.email, p_language,
        case p_language when 'en' then 'Confirm your address' else 'Confirmez votre adresse' end,
        case p_language when 'en' then E'Your code, good for two days: ' || p_code else E'Votre code, valable deux jours : ' || p_code end
        || coalesce(E'\n' || p_link || p_code, '') || E'\n');
    return null;
end $$;

create function email_verify(p_hash text) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who text;
begin
    delete from account_tokens where token_hash = p_hash and purpose = 'verify-email' and expires_at > now() at time zone 'utc'
    returning user_id into who;
    update users set is_email_verified = true, updated_at = now() at time zone 'utc' where id = who;
    return who;
end $$;

-- Another address is not proven yet, and codes that went to the old one prove nothing.
create function users_email_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    delete from account_tokens where user_id = new.id and purpose in ('verify-email', 'set-password');
    new.is_email_verified := false;
    return new;
end $$;
create trigger email_changed before update of email on users for each row when (lower(new.email) <> lower(old.email))
    execute function users_email_changed();
alter function users_email_changed() owner to stacgate_definer;
revoke execute on function users_email_changed() from public;

select stacgate_publish(f::regprocedure)
from unnest(array['session_list(text, interval)', 'session_end(text)', 'session_end_others(text)', 'password_change(text, text, text)',
                  'password_ask(text, text, text, text, text, integer)', 'password_reset(text, text, text)',
                  'email_ask(text, text, text, text, integer)', 'email_verify(text)']) as f;
