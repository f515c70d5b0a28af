-- A course's channel is activated: its row is made at the first time, and this writer takes the fence. No row: no such course here.
-- $1 topic, $2 course id, $3 establishment.
insert into channels (topic, establishment_id, fence)
select $1, c.establishment_id, 1 from courses c where c.id = $2 and c.establishment_id = coalesce($3, c.establishment_id)
on conflict (topic) do update set fence = channels.fence + 1
    where exists (select 1 from courses c where c.id = $2 and c.establishment_id = coalesce($3, c.establishment_id))
returning id, epoch, fence, last_seq, first_seq
