-- A class's channel is activated: its row is made at the first time, and this writer takes the fence. No row: no such session here.
-- $1 topic, $2 session id, $3 establishment.
insert into channels (topic, establishment_id, fence)
select $1, s.establishment_id, 1 from study_sessions s where s.id = $2 and s.establishment_id = coalesce($3, s.establishment_id)
on conflict (topic) do update set fence = channels.fence + 1
returning id, epoch, fence, last_seq, first_seq
