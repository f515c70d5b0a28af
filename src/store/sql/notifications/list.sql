-- The caller's notifications, newest first. $1 tenant filter, $2 caller, $3 the query (unread, type), $4 limit, $5 $6 cursor (time, id),
-- $7 count wanted.
with seen as not materialized (
    select n.id, coalesce(n.created_at, 'epoch'::timestamp) as at from notifications n
    where n.user_id = $2 and n.establishment_id = coalesce($1, n.establishment_id)
      and ($3::jsonb ->> 'unread' is null or coalesce(n.is_read, false) <> ($3::jsonb ->> 'unread')::boolean)
      and ($3::jsonb ->> 'type' is null or n.type = ($3::jsonb ->> 'type')::notification_type)
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $5::text is null or (at, id) < ($5::timestamp, $6)
        order by at desc, id desc limit $4::bigint + 1) x
)
select coalesce(json_agg(notification_json(n) order by place) filter (where place <= $4::bigint), '[]'),
       (select at || '|' || id from page where place = $4::bigint and exists (select from page where place > $4::bigint)),
       case when $7::boolean then (select count(*) from seen) end
from page join notifications n using (id)
