-- What the checks of some pushes need: was this op done before, and the message it speaks of. One row a push, in order.
-- $1 topic, $2 group id, $3 actors, $4 op ids, $5 message ids.
select n.place, e.seq is not null, m.id is not null, m.sender_id, (extract(epoch from m.created_at) * 1000)::bigint,
       coalesce(m.is_deleted, false), m.type
from unnest($3::text[], $4::text[], $5::text[]) with ordinality as n (actor_id, op_id, message_id, place)
left join channels c on c.topic = $1
left join channel_events e on e.channel = c.id and e.actor_id = n.actor_id and e.op_id = n.op_id
left join study_group_messages m on m.id = n.message_id and m.study_group_id = $2
order by n.place
