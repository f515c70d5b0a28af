-- Addresses that differ by capitals only. An adopted installation may have two accounts with one address; each stays, and is found by its
-- address exactly as it is written (signin_lookup). No new ones arise: whatever inserts or changes an address is refused as for one that
-- is taken. `stacgate migrate` and `stacgate check` name those that there are.
--
-- same_addresses() -> table (accounts)     for the owner: a row an address, with its accounts' own spelling and schools

create function users_one_address() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (select from users u where lower(u.email) = lower(new.email) and u.id <> new.id) then
        raise exception 'an account has this address, written differently' using errcode = 'unique_violation', constraint = 'users_email_key';
    end if;
    return new;
end $$;
alter function users_one_address() owner to stacgate_definer;
revoke execute on function users_one_address() from public;
-- Of two at once the unique key stops one, as every statement of ours writes small letters.
create trigger one_address after insert on users for each row execute function users_one_address();
create trigger one_address_changed after update of email on users for each row when (lower(new.email) <> lower(old.email))
    execute function users_one_address();

create function same_addresses() returns table (accounts text)
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select string_agg(u.email || coalesce(' (' || e.slug || ')', ''), ', ' order by u.email)
    from users u left join establishments e on e.id = u.establishment_id group by lower(u.email) having count(*) > 1 order by 1
$$;
revoke execute on function same_addresses() from public;

-- As before, but for an address that several accounts have and that is written as none of them: no code, since whose would it be, but a
-- mail to each that says how to ask.
create or replace function password_forgot(p_email text, p_hash text, p_code text, p_language text, p_link text) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who record;
    same constant text[] := array(select u.email from users u where lower(u.email) = lower(p_email) and u.is_active is not false order by u.email);
begin
    if cardinality(same) > 1 and not p_email = any (same) then
        insert into outbox (establishment_id, template, recipient, language, subject, body)
        select u.establishment_id, 'which-account', u.email, p_language,
            case p_language when 'en' then 'A new password: for which account?' else 'Un nouveau mot de passe : pour quel compte ?' end,
            case p_language when 'en'
                then format(E'Several accounts have this address, with other capitals: %s.\n\nAsk again, with the address written exactly as in the account that is yours.\n', array_to_string(same, ', '))
                else format(E'Plusieurs comptes ont cette adresse, avec d''autres majuscules : %s.\n\nRefaites la demande avec l''adresse écrite exactement comme dans votre compte.\n', array_to_string(same, ', ')) end
        from users u where u.email = any (same);
        return;
    end if;
    select u.id, u.email, u.establishment_id into who from users u
    where lower(u.email) = lower(p_email) and u.is_active is not false and (cardinality(same) = 1 or u.email = p_email);
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
