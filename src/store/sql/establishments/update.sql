-- $1 tenant filter, $2 establishment, $3 the body, $4 super_admin, $5 the versions of which one must still stand or null.
-- Settings are merged key by key.
with old as (
    select e.id, e.row_version, e.is_active is not false as open, coalesce(json_map(e.settings), '{}') || coalesce($3::jsonb -> 'settings', '{}') as settings
    from establishments e where e.id = $2 and e.id = coalesce($1, e.id) for no key update
), refusal as (
    select case when row_version <> all($5::bigint[]) then 'stale' when $3::jsonb ? 'isActive' and not $4::boolean then 'forbidden'
                when $3::jsonb ->> 'domain' !~* '^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$' or $3::jsonb ->> 'domain' ~ '[^.]{64}'
                    then 'invalid domain format'
                when jsonb_typeof($3::jsonb -> 'settings' -> 'selfRegistration') not in ('boolean', 'null') then 'invalid settings.selfRegistration type'
                when length(settings::text) > 65536 then 'too_large'
                when domain_taken($3::jsonb ->> 'domain', $2) then 'name_taken' end as word from old
), new as (
    update establishments e set name = coalesce(b ->> 'name', e.name), description = coalesce(b ->> 'description', e.description),
        logo = case when b ? 'logo' then b ->> 'logo' else e.logo end, domain = case when b ? 'domain' then lower(b ->> 'domain') else e.domain end,
        is_active = coalesce((b ->> 'isActive')::boolean, e.is_active),
        settings = old.settings, row_version = e.row_version + 1, updated_at = now() at time zone 'utc'
    from (select $3::jsonb as b) body, refusal, old where e.id = $2 and word is null
    returning e.id, e.name, e.slug, e.description, e.logo, e.domain, e.is_active, e.settings, e.created_at, e.updated_at, e.row_version
)
select word, 200, (select json_build_object('id', id, 'name', name, 'slug', slug, 'description', description, 'logo', logo, 'domain', domain,
    'isActive', is_active is not false, 'settings', settings, 'createdAt', iso8601(created_at), 'updatedAt', iso8601(updated_at)) from new),
    (select row_version from new), null::text, (select new.is_active is not false <> old.open from new, old)
from refusal
