-- The establishment of a room, for a super_admin who has none; null for everybody else. $1 topic or id of the resource.
select t.id
from unnest(array['group', 'whiteboard', 'class', 'course', 'assessment', 'establishment']) k (kind),
     stacgate_tenant_of(k.kind, substr($1, strpos($1, ':') + 1)) t (id)
where t.id is not null and (strpos($1, ':') = 0 or k.kind = split_part($1, ':', 1))
