-- The versions, newest first. $1 limit, $2 $3 cursor (time, id), $4 count wanted.
with page as (
    select x.*, row_number() over (order by release_date desc, id desc) as place from (
        select id, release_date from system_versions where $2::text is null or (release_date, id) < ($2::timestamp, $3)
        order by release_date desc, id desc limit $1::bigint + 1) x
)
select coalesce(json_agg(version_json(v) order by place) filter (where place <= $1::bigint), '[]'),
       (select page.release_date || '|' || id from page where place = $1::bigint and exists (select from page where place > $1::bigint)),
       case when $4::boolean then (select count(*) from system_versions) end
from page join system_versions v using (id)
