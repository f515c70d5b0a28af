-- A row if the caller may know of a group, or of what is in it. $1 tenant filter, $2 caller, $3 id, $4 staff, $5 what it is of: group,
-- whiteboard, class.
select true from study_groups g
where g.establishment_id = coalesce($1, g.establishment_id) and group_seen(g, $2::text, $4)
  and g.id = case $5::text when 'group' then $3::text when 'whiteboard' then (select w.study_group_id from whiteboards w where w.id = $3)
                     when 'class' then (select s.study_group_id from study_sessions s where s.id = $3) end
union all
select true from study_sessions s
where $5 = 'class' and s.id = $3 and s.host_id = $2 and s.establishment_id = coalesce($1, s.establishment_id)
