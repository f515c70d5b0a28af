-- $1 id, $2 the caller's establishment (settings are its members'), $3 super_admin. No row: it does not exist, or is not active.
select json_build_object('id', id, 'name', name, 'slug', slug, 'description', description, 'logo', logo, 'domain', domain), 0
from establishments_public() where id = $1 and id is distinct from nullif($2, '') and not $3::boolean
union all
select json_build_object('id', id, 'name', name, 'slug', slug, 'description', description, 'logo', logo, 'domain', domain,
                         'isActive', is_active is not false, 'settings', coalesce(json_map(settings), '{}'), 'createdAt', iso8601(created_at),
                         'updatedAt', iso8601(updated_at)), row_version
from establishments where id = $1 and id = $2 and not $3::boolean
union all
select json_build_object('id', id, 'name', name, 'slug', slug, 'description', description, 'logo', logo, 'domain', domain,
                         'isActive', is_active is not false, 'settings', coalesce(json_map(settings), '{}'), 'createdAt', iso8601(created_at),
                         'updatedAt', iso8601(updated_at)), row_version
from establishments_all() where id = $1 and $3::boolean
