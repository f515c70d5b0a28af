-- $1 super_admin, $2 limit, $3 $4 cursor (time, id), $5 count wanted. The list, the next cursor, the count.
with seen as (
    select id, name, slug, description, logo, domain, null::boolean as is_active, null::jsonb as settings, created_at,
           null::timestamp as updated_at
    from establishments_public() where not $1::boolean
    union all
    select id, name, slug, description, logo, domain, is_active, settings, created_at, updated_at
    from establishments_all() where $1::boolean
), ranked as (
    select *, coalesce(created_at, 'epoch') as at, row_number() over (order by coalesce(created_at, 'epoch') desc, id desc) as place
    from seen where $3::text is null or (coalesce(created_at, 'epoch'), id) < ($3::timestamp, $4)
), page as (select * from ranked where place <= $2::bigint)
select coalesce(json_agg(case when $1::boolean
                then json_build_object('id', id, 'name', name, 'slug', slug, 'description', coalesce(description, ''), 'logo', logo, 'domain', domain,
                    'isActive', is_active is not false, 'settings', settings, 'createdAt', iso8601(created_at),
                    'updatedAt', iso8601(updated_at))
                else json_build_object('id', id, 'name', name, 'slug', slug, 'description', coalesce(description, ''), 'logo', logo, 'domain', domain,
                    'isActive', true)
                end order by place), '[]'),
       (select at || '|' || id from page where place = $2::bigint and exists (select from ranked where place > $2::bigint)),
       case when $5::boolean then (select count(*) from seen) end
from page
