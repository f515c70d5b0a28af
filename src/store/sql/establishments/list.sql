-- $1 super_admin, $2 whether an old client is served (it reads isActive), $3 limit, $4 $5 cursor (time, id), $6 count wanted.
with seen as (
    select id, name, slug, description, logo, domain, null::boolean as is_active, null::jsonb as settings, created_at,
           null::timestamp as updated_at
    from establishments_public() where not $1::boolean
    union all
    select id, name, slug, description, logo, domain, is_active, settings, created_at, updated_at
    from establishments_all() where $1::boolean
), ranked as (
    select *, coalesce(created_at, 'epoch') as at, row_number() over (order by coalesce(created_at, 'epoch') desc, id desc) as place
    from seen where $4::text is null or (coalesce(created_at, 'epoch'), id) < ($4::timestamp, $5)
), page as (select * from ranked where place <= $3::bigint)
select coalesce(json_agg(case when $1::boolean
                then json_build_object('id', id, 'name', name, 'slug', slug, 'description', coalesce(description, ''), 'logo', logo, 'domain', domain,
                    'isActive', is_active is not false, 'settings', json_map(settings), 'createdAt', iso8601(created_at),
                    'updatedAt', iso8601(updated_at))
                when $2::boolean
                then json_build_object('id', id, 'name', name, 'slug', slug, 'description', coalesce(description, ''), 'logo', logo, 'domain', domain,
                    'isActive', true)
                else json_build_object('id', id, 'name', name, 'slug', slug, 'description', description, 'logo', logo, 'domain', domain)
                end order by place), '[]'),
       (select at || '|' || id from page where place = $3::bigint and exists (select from ranked where place > $3::bigint)),
       case when $6::boolean then (select count(*) from seen) end
from page
