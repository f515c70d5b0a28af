-- The group was locked or unlocked in this batch; the last one stands. $1 topic, $2 fence, $3 group id.
update study_groups g
set settings = coalesce(g.settings, '{}') || jsonb_build_object('locked', e.locked), updated_at = e.at
from (select (e.payload ->> 'locked')::boolean as locked, e.at
      from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
      where c.topic = $1 and c.fence = $2 and e.event = 'group:updated'
      order by e.seq desc limit 1) e
where g.id = $3
