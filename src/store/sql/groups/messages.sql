-- A group's messages for $2: newest first before $4 (or the newest), or ascending after $5. $1 tenant filter, $3 group, $6 limit, $7 staff.
-- Always one row: what the caller is to the group (null: cannot see it, else whether they may read), the list, its last seq while there is more.
with g as (
    select g.id, group_seen(g, $2, $7) as seen,
           $7::boolean or exists (select from study_group_members m where m.study_group_id = g.id and m.user_id = $2 and m.is_active) as reads
    from study_groups g where g.id = $3 and g.establishment_id = coalesce($1, g.establishment_id)
), ahead as (
    (select m.* from study_group_messages m
     where m.study_group_id = (select id from g where reads) and m.establishment_id = coalesce($1, m.establishment_id)
       and $5::bigint is null and ($4::bigint is null or m.seq < $4::bigint)
     order by m.seq desc limit $6::bigint + 1)
    union all
    (select m.* from study_group_messages m
     where m.study_group_id = (select id from g where reads) and m.establishment_id = coalesce($1, m.establishment_id)
       and $5::bigint is not null and m.seq > $5::bigint
     order by m.seq limit $6::bigint + 1)
), page as (
    select *, row_number() over (order by case when $5::bigint is null then -seq else seq end) as place from ahead
), cards as (
    select * from person_cards((select array_agg(distinct sender_id)::text[] from page))
), reactions as (
    select message_id, json_agg(json_build_object('emoji', emoji, 'count', n, 'userIds', people) order by first_at) as list
    from (select message_id, emoji, count(*) as n, json_agg(user_id order by created_at) as people, min(created_at) as first_at
          from message_reactions where message_id in (select id from page) group by message_id, emoji) r
    group by message_id
)
select (select case when reads then true when seen then false end from g),
       coalesce(json_agg(json_build_object(
           'id', p.id, 'studyGroupId', p.study_group_id, 'seq', p.seq, 'senderId', p.sender_id,
           'sender', json_build_object('id', p.sender_id, 'firstName', coalesce(c.first_name, ''), 'lastName', coalesce(c.last_name, ''),
                                       'profileImageUrl', c.profile_image_url),
           'type', p.type, 'content', case when p.is_deleted then '' else p.content end,
           'metadata', case when p.is_deleted then null else p.metadata end, 'replyToId', p.reply_to_id,
           'createdAt', iso8601(coalesce(p.created_at, 'epoch')), 'editedAt', iso8601(p.edited_at),
           'isDeleted', coalesce(p.is_deleted, false),
           'reactions', case when p.is_deleted then '[]' else coalesce(r.list, '[]') end,
           'poll', case when p.type = 'poll' and p.is_deleted is not true then poll_json(p.id, p.metadata, p.poll_closed_at) end) order by p.place) filter (where p.place <= $6::bigint), '[]'),
       (select seq from page where place = $6::bigint and exists (select from page where place > $6::bigint))
from page p left join cards c on c.id = p.sender_id left join reactions r on r.message_id = p.id
