-- Reactions taken back in this batch. $1 topic, $2 fence.
delete from message_reactions r
using channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
where c.topic = $1 and c.fence = $2 and e.event = 'reaction:removed'
  and r.message_id = e.ref and r.user_id = e.actor_id and r.emoji = e.payload ->> 'emoji'
