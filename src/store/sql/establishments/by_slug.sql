-- The school of a slug ($1), with its public fields.
select null, 200, json_build_object('id', id, 'name', name, 'slug', slug, 'description', description, 'logo', logo, 'domain', domain), 0
from establishments_public() where slug = $1
