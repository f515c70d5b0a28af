-- A group's breakout rooms, the newest first: to members those where they sat or sit, to staff ($4) all. $1 tenant filter, $2 caller,
-- $3 group, $5 limit, $6 $7 cursor (time, id), $8 count wanted.
with g as (
    select group_seen(g, $2, $4) as seen, $4::boolean or exists (select from study_group_members m where m.study_group_id = g.id and m.user_id = $2 and m.is_active) as reads
    from study_groups g where g.id = $3 and g.establishment_id = coalesce($1, g.establishment_id)
), seen as not materialized (
    select r.id, coalesce(r.created_at, 'epoch') as at from study_groups r
    where r.room_of = $3 and r.establishment_id = coalesce($1, r.establishment_id)
      and ($4::boolean or exists (select from study_group_members m where m.study_group_id = r.id and m.user_id = $2 and m.is_active))
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $6::text is null or (at, id) < ($6::timestamp, $7) order by at desc, id desc limit $5::bigint + 1) x
)
select coalesce(json_agg(json_build_object('groupId', r.id, 'name', r.name, 'open', r.status <> 'archived', 'currentMembers', r.current_members,
           'whiteboardId', (select w.id from whiteboards w where w.study_group_id = r.id and w.is_active is not false
                            order by w.created_at desc, w.id desc limit 1),
           'createdAt', iso8601(p.at)) order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end,
       (select seen or exists (select from seen) from g), (select 'members_only' from g where not (reads or exists (select from seen)))
from page p join study_groups r using (id)
