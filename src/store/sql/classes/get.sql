-- One study session, for members of its group, its host and staff; to others it is there as far as the group is. $1 tenant filter, $2 caller, $3 session, $4 staff.
select case when not reads then 'members_only' end, 200, study_session_json(s), s.row_version
from study_sessions s join study_groups g on g.id = s.study_group_id
cross join lateral (select $4::boolean or coalesce(s.host_id = $2, false)
    or exists (select from study_group_members m where m.study_group_id = s.study_group_id and m.user_id = $2 and m.is_active) as reads) x
where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
  and (reads or group_seen(g, $2, $4))
