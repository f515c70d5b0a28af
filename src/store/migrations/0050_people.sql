-- People over REST: versions for If-Match, invitations, erasure.
alter table users add column if not exists row_version bigint not null default 1;
alter table establishments add column if not exists row_version bigint not null default 1;
grant select (row_version), update (row_version) on users, establishments to stacgate_app;
create index stacgate_users_newest on users (establishment_id, created_at desc, id desc);

-- An account without its secrets. It reads as the caller: what their policies hide is null.
create function user_json(p_id text) returns json language sql stable as $$
    select json_build_object('id', id, 'establishmentId', establishment_id, 'email', email, 'username', username, 'firstName', first_name,
        'lastName', last_name, 'profileImageUrl', profile_image_url, 'avatar', profile_image_url, 'role', role, 'phoneNumber', phone_number,
        'department', department, 'position', position, 'bio', bio, 'preferences', preferences, 'isActive', is_active is not false,
        'isEmailVerified', coalesce(is_email_verified, false), 'lastLoginAt', iso8601(last_login_at), 'createdAt', iso8601(created_at),
        'updatedAt', iso8601(updated_at))
    from users where id = p_id
$$;

-- user_invite(user, code hash, code, language, link): a code that sets the first password, good for seven days, and the mail that carries it.
create function user_invite(p_user text, p_hash text, p_code text, p_language text, p_link text) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who record;
begin
    select u.email, u.establishment_id, e.name as school into strict who from users u join establishments e on e.id = u.establishment_id
    where u.id = p_user and u.establishment_id = current_setting('stacgate.establishment_id', true);
    insert into account_tokens values (p_hash, p_user, 'set-password', now() at time zone 'utc' + interval '7 days');
    insert into outbox (establishment_id, template, recipient, language, subject, body)
    values (who.establishment_id, 'invitation', who.email, p_language,
        case p_language when 'en' then 'Your account at ' || who.school else 'Votre compte à ' || who.school end,
        case p_language when 'en' then 'An account was made for you at ' || who.school || E'.\n\nYour code to choose a password, good for seven days: ' || p_code
             else 'Un compte vous attend à ' || who.school || E'.\n\nVotre code pour choisir un mot de passe, valable sept jours : ' || p_code end
        || coalesce(E'\n' || p_link || p_code, '') || E'\n');
end $$;
select stacgate_publish('user_invite(text, text, text, text, text)'::regprocedure);

-- password_forgot(e-mail, code hash, code, language, link): a code and its mail, when there is such an active account; a newer code ends older ones.
create function password_forgot(p_email text, p_hash text, p_code text, p_language text, p_link text) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who record;
begin
    select u.id, u.email, u.establishment_id into who from users u
    where lower(u.email) = lower(p_email) and u.is_active is not false order by u.email = p_email desc, u.id limit 1;
    if not found then
        return;
    end if;
    delete from account_tokens where user_id = who.id and purpose = 'set-password';
    insert into account_tokens values (p_hash, who.id, 'set-password', now() at time zone 'utc' + interval '1 hour');
    insert into outbox (establishment_id, template, recipient, language, subject, body)
    values (who.establishment_id, 'reset-password', who.email, p_language,
        case p_language when 'en' then 'A new password' else 'Un nouveau mot de passe' end,
        case p_language when 'en' then E'Somebody asked for a new password for this address.\n\nYour code, good for an hour: ' || p_code
             else E'Un nouveau mot de passe a été demandé pour cette adresse.\n\nVotre code, valable une heure : ' || p_code end
        || coalesce(E'\n' || p_link || p_code, '') || E'\n');
end $$;
select stacgate_publish('password_forgot(text, text, text, text, text)'::regprocedure);

-- password_set(code hash, password hash) -> whose it was; null: no such code, or no longer. The code is used up, every sign-in ends.
create function password_set(p_hash text, p_password text) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who text;
begin
    delete from account_tokens where token_hash = p_hash and purpose = 'set-password' and expires_at > now() at time zone 'utc'
    returning user_id into who;
    if who is null then
        return null;
    end if;
    delete from account_tokens where user_id = who and purpose = 'set-password';
    update users set password = p_password, updated_at = now() at time zone 'utc' where id = who;
    perform session_delete_user(who, null);
    return who;
end $$;
select stacgate_publish('password_set(text, text)'::regprocedure);

-- user_forget(user): what only functions may touch of somebody who is erased. Within the caller's school.
create function user_forget(p_user text) returns void
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
    delete from idempotency_keys where user_id = p_user;
    update users set password = '!' where id = p_user;
end $$;
select stacgate_publish('user_forget(text)'::regprocedure);
