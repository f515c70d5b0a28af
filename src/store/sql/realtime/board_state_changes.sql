-- A board's title, its lock or its end, as this batch said. The locks of single elements wait for the fold. $1 topic, $2 fence, $3 board id.
update whiteboards w
set title = coalesce(e.payload ->> 'title', w.title), row_version = w.row_version + (e.payload ? 'title')::integer,
    locked = case when e.payload ? 'ids' then w.locked else coalesce((e.payload ->> 'locked')::boolean, w.locked) end,
    is_active = e.event <> 'whiteboard:deleted', updated_at = e.at
from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
where c.topic = $1 and c.fence = $2 and w.id = $3 and (e.payload ? 'title' or e.payload ? 'locked' or e.event = 'whiteboard:deleted')
