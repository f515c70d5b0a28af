-- Every school's audit log and the installation's own, for a super_admin outside a school. $1 the query, $2 limit, $3 $4 cursor (time, id),
-- $5 count wanted. Parameters and columns of list.sql.
with page as (
    select a.*, row_number() over (order by at desc, id desc) as place
    from audit_all($1::jsonb, $3::timestamp, $4, $2::bigint + 1) a
)
select coalesce(json_agg(json_build_object('id', p.id, 'at', iso8601(p.at), 'establishmentId', p.establishment_id, 'actorId', p.actor_id,
           'actor', null, 'address', p.address, 'action', p.action, 'subjectType', p.subject_type, 'subjectId', p.subject_id, 'detail', p.detail)
           order by place) filter (where place <= $2::bigint), '[]'),
       (select at || '|' || id from page where place = $2::bigint and exists (select from page where place > $2::bigint)),
       case when $5::boolean then (select count(*) from audit_all($1::jsonb, null, null, null)) end
from page p
