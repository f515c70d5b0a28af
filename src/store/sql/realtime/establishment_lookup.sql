-- Was this op done before, and was its id used for an announcement that is in no log? One row a push, in order.
-- $1 topic, $2 establishment id, $3 actors, $4 op ids, $5 not used.
select n.place, e.seq is not null, a.id is not null
from unnest($3::text[], $4::text[], $5::text[]) with ordinality as n (actor_id, op_id, field, place)
left join channels c on c.topic = $1
left join channel_events e on e.channel = c.id and e.actor_id = n.actor_id and e.op_id = n.op_id
left join role_announcements a on a.establishment_id = $2 and a.author_id = n.actor_id and a.op_id = n.op_id
order by n.place
