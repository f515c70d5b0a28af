-- Reactions added in this batch; one that stands already changes nothing. $1 topic, $2 fence.
insert into message_reactions (id, message_id, user_id, emoji, created_at, establishment_id)
select gen_random_uuid()::text, e.ref, e.actor_id, e.payload ->> 'emoji', min(e.at), e.establishment_id
from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
where c.topic = $1 and c.fence = $2 and e.event = 'reaction:added'
group by e.ref, e.actor_id, e.payload ->> 'emoji', e.establishment_id
on conflict (message_id, user_id, emoji) do nothing
