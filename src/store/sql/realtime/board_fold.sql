-- The board as it stands at $2 becomes its data; only by the writer who holds the fence, and never backwards.
-- $1 board id, $2 seq, $3 locked, $4 locked ids, $5 topic, $6 fence, $7 data.
update whiteboards w set data = $7::jsonb, data_seq = $2, locked = $3, locked_ids = $4::text[], updated_at = now() at time zone 'utc'
where w.id = $1 and w.data_seq < $2 and exists (select 1 from channels c where c.topic = $5 and c.fence = $6)
