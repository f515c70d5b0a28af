-- Who was there, from when until when, and for how many minutes of the class itself (from its start to its end, once it started). The host,
-- the group's moderators and staff see everybody of the group, absent ones too; others themselves. $1 tenant filter, $2 caller, $3 session,
-- $4 staff.
with s as (
    select s.*, $4::boolean or s.host_id = $2 or m.role in ('moderator', 'admin') as all_of_it,
           $4::boolean or coalesce(s.host_id = $2, false) or m.id is not null as reads
    from study_sessions s join study_groups g on g.id = s.study_group_id
    left join study_group_members m on m.study_group_id = s.study_group_id and m.user_id = $2 and m.is_active
    where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id) and ($4::boolean or s.host_id = $2 or group_seen(g, $2, $4))
), stays as (
    select p.user_id, p.joined_at, p.left_at, p.is_open, coalesce(p.duration, 0) as duration,
           greatest(extract(epoch from least(p.left_at, s.live_until) - greatest(p.joined_at, s.live_from)), 0) as seconds
    from s join study_session_participants p on p.session_id = s.id
    where p.joined_at is not null and (s.all_of_it or p.user_id = $2)
), people as (
    select user_id from stays
    union select m.user_id from s join study_group_members m on m.study_group_id = s.study_group_id and m.is_active
        where s.all_of_it or m.user_id = $2
), lines as (
    select p.user_id, u.first_name, u.last_name, count(t.user_id) as n, coalesce(sum(t.seconds), 0) as seconds,
           coalesce(json_agg(json_build_object('joinedAt', iso8601(t.joined_at), 'leftAt', iso8601(t.left_at), 'open', t.is_open,
                                               'duration', t.duration) order by t.joined_at) filter (where t.user_id is not null), '[]') as intervals
    from people p left join users u on u.id = p.user_id left join stays t on t.user_id = p.user_id
    group by p.user_id, u.first_name, u.last_name
)
select case when not reads then 'members_only' end, 200, (select coalesce(json_agg(json_build_object('userId', user_id, 'firstName', first_name, 'lastName', last_name,
           'isHost', user_id = s.host_id, 'present', n > 0, 'minutes', round(seconds / 60.0), 'intervals', intervals)
           order by last_name, first_name, user_id), '[]') from lines)
from s
