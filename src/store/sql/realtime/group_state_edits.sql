-- Messages changed in this batch; of several changes of one, the last. $1 topic, $2 fence, $3 group id.
update study_group_messages m
set content = e.content, edited_at = e.at, updated_at = e.at
from (select distinct on (e.ref) e.ref, e.payload ->> 'content' as content, e.at
      from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
      where c.topic = $1 and c.fence = $2 and e.event = 'message:updated'
      order by e.ref, e.seq desc) e
where m.id = e.ref and m.study_group_id = $3 and m.is_deleted is not true
