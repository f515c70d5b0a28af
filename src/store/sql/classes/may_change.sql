-- Does this change fit the session? The class's channel then makes it. $1 tenant filter, $2 caller, $3 session, $4 the body, $5 staff.
-- One row: the refusal. The host, moderators and staff change it.
select case when not reads then 'members_only' when not changes then 'forbidden'
            when coalesce(($4::jsonb ->> 'endTime')::timestamptz at time zone 'utc', s.end_time)
                 <= coalesce(($4::jsonb ->> 'startTime')::timestamptz at time zone 'utc', s.start_time) then 'invalid endTime order'
            when $4::jsonb ->> 'hostId' <> $2 and not named_here($1, 'user', $4::jsonb ->> 'hostId') then 'not_found'
            when $4::jsonb ? 'hostId' and not exists (
                    select from users u where u.id = $4::jsonb ->> 'hostId' and u.is_active is not false and u.establishment_id = s.establishment_id
                      and (u.role <> 'apprenant' or exists (
                        select from study_group_members m where m.study_group_id = s.study_group_id and m.user_id = u.id and m.is_active)))
                then 'invalid hostId not_found' end
from study_sessions s join study_groups g on g.id = s.study_group_id
cross join lateral (select $5::boolean or coalesce(s.host_id = $2, false)
    or exists (select from study_group_members m where m.study_group_id = s.study_group_id and m.user_id = $2 and m.is_active) as reads,
    $5::boolean or coalesce(s.host_id = $2, false) or exists (select from study_group_members m where m.study_group_id = s.study_group_id and m.user_id = $2
        and m.is_active and m.role in ('moderator', 'admin')) as changes) x
where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
  and (reads or group_seen(g, $2, $5))
