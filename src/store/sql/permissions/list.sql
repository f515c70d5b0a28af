-- $1 the catalogue's names, $2 what each allows, in the reader's language. The catalogue, and the roles that have each of it.
select null, 200, coalesce(json_agg(json_build_object('id', p.id, 'name', p.name, 'resource', p.resource, 'action', p.action,
    'description', c.text, 'roles', array(select distinct rp.role from role_permissions rp where rp.permission_id = p.id and rp.role is not null
                                          order by 1)) order by c.place), '[]')
from unnest($1::text[], $2::text[]) with ordinality as c (name, text, place) join permissions p using (name)
