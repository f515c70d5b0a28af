-- This writer still owns the channel: its row is locked until the batch is committed, and what follows sees it as it is now.
-- $1 topic, $2 fence.
select 1 from channels where topic = $1 and fence = $2 for no key update
