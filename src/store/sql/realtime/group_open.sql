-- A group's channel is activated: its row is made at the first time, and this writer takes the fence. No row: no such group here.
-- An adopted group's messages stand before its log: the log starts after them. $1 topic, $2 group id, $3 establishment.
insert into channels (topic, establishment_id, fence, last_seq, first_seq, batch_from)
select $1, g.establishment_id, 1, m.last, m.last + 1, m.last + 1
from study_groups g,
     lateral (select coalesce(max(seq), 0) as last from study_group_messages where study_group_id = g.id) m
where g.id = $2 and g.establishment_id = coalesce($3, g.establishment_id)
on conflict (topic) do update set fence = channels.fence + 1
returning id, epoch, fence, last_seq, first_seq
