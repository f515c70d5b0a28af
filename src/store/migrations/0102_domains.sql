-- A school's domain answers with and without `www.`, so both spellings are one name and belong to one school: another school that took the
-- other spelling answered in its place. A host's last dot, which the rules of names allow, says nothing either.
--
-- domain_key(domain) -> text            what two spellings of one domain have in common

create function domain_key(p_domain text) returns text language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
    select regexp_replace(rtrim(lower(p_domain), '.'), '^(www\.)+', '')
$$;

-- As before: an adopted database may have given one domain twice; then the oldest school answers, and this is reported.
do $$
declare
    r record;
    twice boolean := false;
begin
    for r in select domain_key(domain) as domain, count(*) as n from establishments where domain <> '' group by 1 having count(*) > 1 loop
        raise notice 'domain %: % establishments; the oldest answers there', r.domain, r.n;
        twice := true;
    end loop;
    drop index stacgate_establishments_domain;
    if not twice then
        create unique index stacgate_establishments_domain on establishments (domain_key(domain)) where domain <> '';
    else
        create index stacgate_establishments_domain on establishments (domain_key(domain)) where domain <> '';
    end if;
end $$;

create or replace function domain_taken(p_domain text, p_but text) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (select from establishments where domain <> '' and domain_key(domain) = domain_key(p_domain) and id is distinct from p_but)
$$;

create or replace function establishment_at(p_slug text, p_host text) returns text
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select id from establishments
    where is_active is not false and case when p_slug is not null then slug = p_slug else domain <> '' and domain_key(domain) = domain_key(p_host) end
    order by created_at, id limit 1
$$;
