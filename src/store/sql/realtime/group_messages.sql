-- Messages as they stand, ascending by seq: the first $5 after $4, else the last $5 before $3. $1 group id, $2 establishment.
-- One row: the list, how many there are, whether there is more that way, and the log's head that it belongs to ($6 topic).
with m as (
    (select * from study_group_messages
     where study_group_id = $1 and establishment_id = coalesce($2, establishment_id) and $4::bigint is null and ($3::bigint is null or seq < $3::bigint)
     order by seq desc limit $5::int + 1)
    union all
    (select * from study_group_messages
     where study_group_id = $1 and establishment_id = coalesce($2, establishment_id) and $4::bigint is not null and seq > $4::bigint
     order by seq limit $5::int + 1)
), kept as (
    select * from (select m.*, row_number() over (order by case when $4::bigint is null then -seq else seq end) as place from m) ranked
    where place <= $5::int
), cards as (
    select * from person_cards((select array_agg(distinct sender_id) from kept))
), reactions as (
    select message_id, jsonb_agg(jsonb_build_object('emoji', emoji, 'count', n, 'userIds', users) order by first) as list
    from (select r.message_id, r.emoji, count(*) as n, jsonb_agg(r.user_id order by r.created_at) as users, min(r.created_at) as first
          from message_reactions r where r.message_id in (select id from kept) group by r.message_id, r.emoji) r
    group by message_id
)
select coalesce(jsonb_agg(jsonb_build_object(
           'id', k.id, 'seq', k.seq, 'senderId', k.sender_id,
           'sender', jsonb_build_object('id', k.sender_id, 'firstName', coalesce(p.first_name, ''), 'lastName', coalesce(p.last_name, ''),
                                        'profileImageUrl', p.profile_image_url),
           'type', k.type, 'content', case when k.is_deleted then '' else k.content end,
           'metadata', case when k.is_deleted then null else k.metadata end, 'replyToId', k.reply_to_id,
           'createdAt', iso8601(k.created_at), 'editedAt', iso8601(k.edited_at), 'isDeleted', coalesce(k.is_deleted, false),
           'reactions', coalesce(r.list, '[]'),
           'poll', case when k.type = 'poll' and k.is_deleted is not true then poll_json(k.id, k.metadata, k.poll_closed_at) end) order by k.seq), '[]'),
       count(k.id), (select count(*) > $5::int from m), (select last_seq from channels where topic = $6)
from kept k left join cards p on p.id = k.sender_id left join reactions r on r.message_id = k.id
