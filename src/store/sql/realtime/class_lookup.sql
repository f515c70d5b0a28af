-- Was this op done before, and is there such a board in the class's group? One row a push, in order.
-- $1 topic, $2 session id, $3 actors, $4 op ids, $5 board ids.
select n.place, e.seq is not null, w.id is not null
from unnest($3::text[], $4::text[], $5::text[]) with ordinality as n (actor_id, op_id, board_id, place)
left join channels c on c.topic = $1
left join channel_events e on e.channel = c.id and e.actor_id = n.actor_id and e.op_id = n.op_id
left join whiteboards w on w.id = n.board_id and w.is_active is not false
    and w.study_group_id = (select study_group_id from study_sessions where id = $2)
order by n.place
