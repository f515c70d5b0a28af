-- What the checks of some pushes need: was this op done before, and the message it speaks of; of a poll, in its first row, what it asks
-- and its votes as a list of [user id, option ids]. One row a push, in order.
-- $1 topic, $2 group id, $3 actors, $4 op ids, $5 message ids.
select n.place, e.seq is not null, m.id is not null, m.sender_id, (extract(epoch from m.created_at) * 1000)::bigint,
       coalesce(m.is_deleted, false), m.type,
       case when m.type = 'poll' and n.nth = 1 then m.metadata end, m.poll_closed_at is not null,
       case when m.type = 'poll' and n.nth = 1 then
           (select coalesce(jsonb_agg(jsonb_build_array(v.user_id, v.options)), '[]') from poll_votes v where v.message_id = m.id) end
from (select *, row_number() over (partition by message_id order by place) as nth
      from unnest($3::text[], $4::text[], $5::text[]) with ordinality as n (actor_id, op_id, message_id, place)) n
left join channels c on c.topic = $1
left join channel_events e on e.channel = c.id and e.actor_id = n.actor_id and e.op_id = n.op_id
left join study_group_messages m on m.id = n.message_id and m.study_group_id = $2
order by n.place
