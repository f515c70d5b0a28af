-- Who belongs to a group, the first to come first, for its members and staff ($4). $1 tenant filter, $2 caller, $3 group, $5 limit, $6 $7
-- cursor (time, id), $8 count wanted.
with g as (
    select group_seen(g, $2, $4) as seen, $4::boolean or exists (select from study_group_members m where m.study_group_id = g.id and m.user_id = $2 and m.is_active) as reads
    from study_groups g where g.id = $3 and g.establishment_id = coalesce($1, g.establishment_id)
), seen as not materialized (
    select m.id, coalesce(m.joined_at, 'epoch'::timestamp) as at from study_group_members m
    where m.study_group_id = $3 and m.is_active and m.establishment_id = coalesce($1, m.establishment_id)
      and (select reads from g)
), page as (
    select x.*, row_number() over (order by at, id) as place from (
        select * from seen where $6::text is null or (at, id) > ($6::timestamp, $7) order by at, id limit $5::bigint + 1) x
)
select coalesce(json_agg(json_build_object('id', m.id, 'studyGroupId', m.study_group_id, 'userId', m.user_id, 'role', m.role,
           'joinedAt', iso8601(m.joined_at), 'firstName', u.first_name, 'lastName', u.last_name, 'profileImageUrl', u.profile_image_url)
           order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end,
       (select seen from g), (select 'members_only' from g where not reads)
from page join study_group_members m using (id) left join users u on u.id = m.user_id
