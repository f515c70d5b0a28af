-- What this batch made events of is said. $1 topic, $2 fence.
delete from channel_said s using channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
where c.topic = $1 and c.fence = $2 and s.topic = $1 and e.op_id = E'\x7f' || 'said-' || s.id
