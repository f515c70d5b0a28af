-- An assessment's channel is activated: it has no log and no row; its fence only tells this activation from others. No row: no such one.
-- $1 assessment id, $2 establishment. (-, epoch, fence, last seq, first seq)
select null, '', (extract(epoch from clock_timestamp()) * 1000)::bigint, 0, 1
from assessments where id = $1 and establishment_id = coalesce($2, establishment_id)
