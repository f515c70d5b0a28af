-- What was said in this batch. $1 topic, $2 fence, $3 group id.
insert into study_group_messages (id, study_group_id, sender_id, type, content, metadata, reply_to_id, created_at, updated_at, seq,
                                  client_op_id, establishment_id)
select e.ref, $3, e.actor_id, (e.payload ->> 'type')::message_type, e.payload ->> 'content', nullif(e.payload -> 'metadata', 'null'),
       e.payload ->> 'replyToId', e.at, e.at, e.seq, e.op_id, e.establishment_id
from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
where c.topic = $1 and c.fence = $2 and e.event = 'message'
