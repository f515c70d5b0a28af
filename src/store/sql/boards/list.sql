-- A group's boards, newest first. $1 tenant filter, $2 caller, $3 group, $4 staff, $5 limit, $6 $7 cursor (time, id), $8 count wanted.
with g as (
    select g.id, group_seen(g, $2, $4) as seen, $4::boolean or exists (select from study_group_members m where m.study_group_id = g.id and m.user_id = $2 and m.is_active) as reads
    from study_groups g where g.id = $3 and g.establishment_id = coalesce($1, g.establishment_id)
), seen as not materialized (
    select w.id, coalesce(w.created_at, 'epoch') as at from whiteboards w
    where w.study_group_id = (select id from g where reads) and w.is_active is not false
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $6::text is null or (at, id) < ($6::timestamp, $7) order by at desc, id desc limit $5::bigint + 1) x
)
select coalesce(json_agg(board_json(w) order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end,
       (select seen from g), (select 'members_only' from g where not reads)
from page join whiteboards w using (id)
