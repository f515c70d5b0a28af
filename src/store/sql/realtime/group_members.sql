-- Who belongs to the group. $1 group id, $2 establishment.
select m.user_id, coalesce(m.role, 'member'), case when m.muted_until = 'infinity' then 9223372036854775807 else (extract(epoch from m.muted_until) * 1000)::bigint end, coalesce(m.last_read_seq, 0)
from study_group_members m
where m.study_group_id = $1 and m.establishment_id = coalesce($2, m.establishment_id) and m.is_active
