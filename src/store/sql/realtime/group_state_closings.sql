-- Polls closed in this batch. $1 topic, $2 fence, $3 group id.
update study_group_messages m set poll_closed_at = e.at
from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
where c.topic = $1 and c.fence = $2 and e.event = 'poll:updated' and m.id = e.ref and m.study_group_id = $3 and m.poll_closed_at is null
