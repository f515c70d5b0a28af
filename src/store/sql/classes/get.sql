-- One study session, for members of its group, its host and staff. $1 tenant filter, $2 caller, $3 session, $4 staff.
select null, 200, study_session_json(s), s.row_version from study_sessions s
where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
  and ($4::boolean or s.host_id = $2
       or exists (select from study_group_members m where m.study_group_id = s.study_group_id and m.user_id = $2 and m.is_active))
