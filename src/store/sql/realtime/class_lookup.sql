-- Was this op done before, is there such a board in the class's group, and (in the first row) the group's breakout rooms, as a list of
-- [id, name, newest board or null, is it open]. One row a push, in order. $1 topic, $2 session id, $3 actors, $4 op ids, $5 board ids.
select n.place, e.seq is not null, w.id is not null,
       case when n.place = 1 then (
           select coalesce(jsonb_agg(jsonb_build_array(r.id, r.name, (
                      select b.id from whiteboards b where b.study_group_id = r.id and b.is_active is not false
                      order by b.created_at desc, b.id desc limit 1), r.status <> 'archived')), '[]')
           from study_groups r where r.room_of = s.study_group_id and r.establishment_id = s.establishment_id) end
from unnest($3::text[], $4::text[], $5::text[]) with ordinality as n (actor_id, op_id, board_id, place)
left join study_sessions s on s.id = $2
left join channels c on c.topic = $1
left join channel_events e on e.channel = c.id and e.actor_id = n.actor_id and e.op_id = n.op_id
left join whiteboards w on w.id = n.board_id and w.is_active is not false and w.study_group_id = s.study_group_id
order by n.place
