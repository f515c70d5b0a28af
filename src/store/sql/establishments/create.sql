-- A new school, by a super_admin: $1 the body. A slug has at most 63 characters; old clients send one as long as the name, it is cut. A slug that is not given comes from the name (accents go, the rest becomes '-'); if that one is
-- taken, with something random behind it. Words that begin the server's own addresses are no slugs.
with asked as (
    select b, nullif(trim(trailing '-' from left(b ->> 'slug', 63)), '') as slug, lower(nullif(b ->> 'domain', '')) as domain,
           coalesce(nullif(trim(both '-' from left(regexp_replace(stacgate_fold(b ->> 'name'), '[^a-z0-9]+', '-', 'g'), 50)), ''), 'ecole') as made
    from (select $1::jsonb as b) body
), named as (
    select *, coalesce(slug, case when slug_taken(made) or made = any (slugs_kept()) then made || '-' || left(gen_random_uuid()::text, 6) else made end) as final
    from asked
), refusal as (
    select case when slug !~ '^[a-z0-9]+(-+[a-z0-9]+)*$' or slug = any (slugs_kept()) then 'invalid slug format'
                when domain !~ '^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$' or domain ~ '[^.]{64}' then 'invalid domain format'
                when jsonb_typeof(b -> 'settings' -> 'selfRegistration') not in ('boolean', 'null') then 'invalid settings.selfRegistration type'
                when slug_taken(slug) or domain_taken(domain, null) then 'name_taken' end as word from named
), made as (
    select establishment_create(b ->> 'name', final, b ->> 'description', nullif(b ->> 'logo', ''), domain, b -> 'settings') as id
    from named, refusal where word is null
)
select word, 201, (select answer(json_build_object('id', made.id, 'name', b ->> 'name', 'slug', final, 'description', b ->> 'description',
           'logo', nullif(b ->> 'logo', ''), 'domain', domain, 'isActive', true, 'settings', coalesce(b -> 'settings', '{}'),
           'createdAt', iso8601(now() at time zone 'utc'), 'updatedAt', iso8601(now() at time zone 'utc'))) from made, named), 1
from refusal
