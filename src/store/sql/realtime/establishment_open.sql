-- An establishment's channel is activated: its row is made at the first time, and this writer takes the fence. No row: not this one.
-- $1 topic, $2 establishment id, $3 the tenant.
insert into channels (topic, establishment_id, fence)
select $1, e.id, 1 from establishments e where e.id = $2 and e.id = coalesce($3, e.id)
on conflict (topic) do update set fence = channels.fence + 1
returning id, epoch, fence, last_seq, first_seq
