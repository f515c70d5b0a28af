-- The school's audit log, newest first. $1 tenant filter, $2 the query (action, actorId, subjectId, from, to), $3 limit, $4 $5 cursor
-- (time, id), $6 count wanted.
with seen as not materialized (
    select a.* from audit_log a
    where a.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and ($2::jsonb ->> 'action' is null or a.action = $2::jsonb ->> 'action')
      and ($2::jsonb ->> 'actorId' is null or a.actor_id = $2::jsonb ->> 'actorId')
      and ($2::jsonb ->> 'subjectId' is null or a.subject_id = $2::jsonb ->> 'subjectId')
      and ($2::jsonb ->> 'from' is null or a.at >= ($2::jsonb ->> 'from')::timestamptz at time zone 'utc')
      and ($2::jsonb ->> 'to' is null or a.at < ($2::jsonb ->> 'to')::timestamptz at time zone 'utc')
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $4::text is null or (at, id) < ($4::timestamp, $5) order by at desc, id desc limit $3::bigint + 1) x
)
select coalesce(json_agg(json_build_object('id', p.id, 'at', iso8601(p.at), 'establishmentId', p.establishment_id, 'actorId', p.actor_id,
           'actor', case when u.id is not null then json_build_object('id', u.id, 'firstName', u.first_name, 'lastName', u.last_name) end,
           'address', p.address, 'action', p.action, 'subjectType', p.subject_type, 'subjectId', p.subject_id, 'detail', p.detail)
           order by place) filter (where place <= $3::bigint), '[]'),
       (select at || '|' || id from page where place = $3::bigint and exists (select from page where place > $3::bigint)),
       case when $6::boolean then (select count(*) from seen) end, named_here($1, 'user', $2::jsonb ->> 'actorId')
from page p left join users u on u.id = p.actor_id
