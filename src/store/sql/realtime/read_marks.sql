-- How far people read; a mark never goes back. $1 group id, $2 users, $3 seqs.
update study_group_members m
set last_read_seq = greatest(coalesce(m.last_read_seq, 0), n.seq), last_active = now() at time zone 'utc'
from unnest($2::text[], $3::bigint[]) as n (user_id, seq)
where m.study_group_id = $1 and m.user_id = n.user_id and m.is_active
