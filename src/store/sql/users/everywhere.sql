-- People of every school, newest first, for a super_admin; the school's own people for its staff. $1 super_admin, $2 limit, $3 $4 cursor
-- (time, id), $5 count wanted.
with page as (
    select p.*, row_number() over (order by p.at desc, p.id desc) as place from people_everywhere($2::bigint + 1, $3::timestamp, $4) p where $1::boolean
)
select coalesce(json_agg(person order by place) filter (where place <= $2::bigint), '[]'),
       (select at || '|' || id from page where place = $2::bigint and exists (select from page where place > $2::bigint)),
       case when $5::boolean then (select count(*) from people_everywhere(9223372036854775807, null, null)) end
from page
