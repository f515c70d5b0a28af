-- Trainer spaces, newest first: active ones and one's own, all for staff. $1 tenant filter, $2 caller, $3 staff, $4 limit, $5 $6 cursor
-- (time, id), $7 count wanted.
with seen as not materialized (
    select s.id, coalesce(s.created_at, 'epoch'::timestamp) as at from trainer_spaces s
    where s.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and (s.is_active or s.trainer_id = $2 or $3::boolean)
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $5::text is null or (at, id) < ($5::timestamp, $6) order by at desc, id desc limit $4::bigint + 1) x
)
select coalesce(json_agg(trainer_space_json(s) order by place) filter (where place <= $4::bigint), '[]'),
       (select at || '|' || id from page where place = $4::bigint and exists (select from page where place > $4::bigint)),
       case when $7::boolean then (select count(*) from seen) end
from page join trainer_spaces s using (id)
