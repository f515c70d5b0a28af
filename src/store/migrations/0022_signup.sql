-- Signing up in one step: account, session, verification code and the mail that carries it come to be together or not at all. Until a mailer
-- exists, mail is a row of outbox, shown by `stacgate outbox`.
--
-- signup(establishment_id, establishment_slug, email, password_hash, first_name, last_name, username, sid, sess, expire, token_hash,
--     token, language, link) -> table (outcome, user_id, establishment_id)     outcomes: register_user's

create table outbox (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar,
    template text not null,         -- verify-email, …
    recipient text not null,        -- an e-mail address
    language text not null,         -- fr, en
    subject text not null,
    body text not null,             -- plain text
    created_at timestamp not null default (now() at time zone 'utc'),
    sent_at timestamp,
    attempts integer not null default 0,
    last_error text
);
create index outbox_unsent on outbox (created_at) where sent_at is null;
select stacgate_tenant_table('outbox', 'insert');
select stacgate_definer_reads('outbox', 'select, insert, update, delete');

-- What proves an e-mail address (and later resets a password): the hash of a code, good once and for a while.
create table account_tokens (
    token_hash text primary key,
    user_id varchar not null references users on delete cascade,
    purpose text not null,          -- verify-email, …
    expires_at timestamp not null
);
create index account_tokens_user on account_tokens (user_id, purpose);
select stacgate_definer_reads('account_tokens', 'select, insert, delete');

create function signup(p_establishment_id text, p_establishment_slug text, p_email text, p_password_hash text, p_first_name text,
                       p_last_name text, p_username text, p_sid text, p_sess jsonb, p_expire timestamp, p_token_hash text, p_token text,
                       p_language text, p_link text)
returns table (outcome text, user_id text, establishment_id text)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    made record;
    school text;
begin
    select r.* into made from register_user(p_establishment_id, p_establishment_slug, p_email, p_password_hash, p_first_name,
                                            p_last_name, p_username) r;
    if made.outcome = 'created' then
        perform session_create(p_sid, made.user_id, p_sess, p_expire);
        insert into account_tokens values (p_token_hash, made.user_id, 'verify-email', now() at time zone 'utc' + interval '2 days');
        select e.name into school from establishments e where e.id = made.establishment_id;
        insert into outbox (establishment_id, template, recipient, language, subject, body)
        values (made.establishment_id, 'verify-email', lower(p_email), p_language,
            case p_language when 'en' then 'Confirm your address for ' || school else 'Confirmez votre adresse pour ' || school end,
            case p_language when 'en' then 'Welcome to ' || school || E'.\n\nYour code, good for two days: ' || p_token
                 else 'Bienvenue à ' || school || E'.\n\nVotre code, valable deux jours : ' || p_token end
            || coalesce(E'\n' || p_link || p_token, '') || E'\n');
    end if;
    return query select made.outcome, made.user_id, made.establishment_id;
end $$;
select stacgate_publish('signup(text, text, text, text, text, text, text, text, jsonb, timestamp, text, text, text, text)'::regprocedure);
