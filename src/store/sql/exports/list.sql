-- Export jobs, newest first: one's own, all for staff ($4). $1 tenant filter, $2 caller, $3 the query (status, type), $5 limit, $6 $7
-- cursor (time, id), $8 count wanted.
with seen as not materialized (
    select e.id, coalesce(e.created_at, 'epoch'::timestamp) as at from export_jobs e
    where e.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and (e.user_id = $2 or $4::boolean) and ($3::jsonb ->> 'status' is null or e.status = $3::jsonb ->> 'status')
      and ($3::jsonb ->> 'type' is null or e.type = $3::jsonb ->> 'type')
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $6::text is null or (at, id) < ($6::timestamp, $7) order by at desc, id desc limit $5::bigint + 1) x
)
select coalesce(json_agg(export_json(e) order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end
from page join export_jobs e using (id)
