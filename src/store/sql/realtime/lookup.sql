-- Was this op done before? One row a push, in order, for kinds whose checks need nothing else of the database.
-- $1 topic, $2 the channel's id in its kind, $3 actors, $4 op ids, $5 ids that pushes speak of (both unused here).
select n.place, e.seq is not null
from unnest($3::text[], $4::text[], $5::text[]) with ordinality as n (actor_id, op_id, about, place)
left join channels c on c.topic = $1 and $2::text is not null
left join channel_events e on e.channel = c.id and e.actor_id = n.actor_id and e.op_id = n.op_id
order by n.place
