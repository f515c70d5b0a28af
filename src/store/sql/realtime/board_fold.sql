-- The board as it stands at $3 becomes its data; only by the writer who holds the fence, and never backwards.
-- $1 board id, $2 data, $3 seq, $4 locked, $5 locked ids, $6 topic, $7 fence.
update whiteboards w set data = $2::jsonb, data_seq = $3, locked = $4, locked_ids = $5::text[], updated_at = now() at time zone 'utc'
where w.id = $1 and w.data_seq < $3 and exists (select 1 from channels c where c.topic = $6 and c.fence = $7)
