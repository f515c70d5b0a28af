-- The polls of a class as they stand, and what the caller chose. $1 tenant filter, $2 caller, $3 session, $4 staff.
select case when not reads then 'members_only' end, 200, (
    select coalesce(json_agg(json_build_object('id', p.id, 'question', p.question, 'options', p.options, 'multiple', p.multiple,
        'anonymous', p.anonymous, 'openedBy', p.opened_by, 'openedAt', iso8601(p.opened_at), 'closed', p.closed_at is not null,
        'closedAt', iso8601(p.closed_at),
        'counts', coalesce((select json_object_agg(o, n) from (
            select o, count(*) as n from session_poll_votes v, unnest(v.options) o where v.poll_id = p.id group by o) c), '{}'),
        'voters', (select count(*) from session_poll_votes v where v.poll_id = p.id and v.options <> '{}'),
        'votes', case when not p.anonymous then coalesce((
            select json_agg(json_build_object('userId', v.user_id, 'options', v.options) order by v.voted_at, v.user_id)
            from session_poll_votes v where v.poll_id = p.id and v.options <> '{}'), '[]') end,
        'myVote', coalesce((select to_json(v.options) from session_poll_votes v where v.poll_id = p.id and v.user_id = $2), '[]'))
        order by p.opened_at, p.id), '[]')
    from session_polls p where p.session_id = s.id)
from study_sessions s join study_groups g on g.id = s.study_group_id
cross join lateral (select $4::boolean or coalesce(s.host_id = $2, false)
    or exists (select from study_group_members m where m.study_group_id = s.study_group_id and m.user_id = $2 and m.is_active) as reads) x
where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
  and (reads or group_seen(g, $2, $4))
