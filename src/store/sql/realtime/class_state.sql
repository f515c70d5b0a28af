-- What a class stands at after this batch, which is one push. Its breakout rooms follow by themselves. $1 topic, $2 fence, $3 session id.
with e as (
    select e.event, e.payload, e.at from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
    where c.topic = $1 and c.fence = $2 and not e.payload ? 'unchanged'
), polls as (
    update session_polls p set closed_at = e.at from e where e.event = 'class:ended' and p.session_id = $3 and p.closed_at is null
)
update study_sessions s
set live = case e.event
        when 'hand:raised' then s.live || jsonb_build_object('hands', coalesce(s.live -> 'hands', '[]') || (e.payload -> 'userId'))
        when 'hand:lowered' then s.live || jsonb_build_object('hands', coalesce(s.live -> 'hands', '[]') - (e.payload ->> 'userId'))
        when 'class:ended' then s.live - 'hands' - 'spotlight' - 'breakout'
        when 'breakout:updated' then jsonb_set(s.live, '{breakout,rooms}', (
            select jsonb_agg(r || jsonb_build_object('userIds', (r -> 'userIds') - (e.payload ->> 'userId')
                       || case when r -> 'groupId' = e.payload -> 'room' then jsonb_build_array(e.payload -> 'userId') else '[]' end) order by place)
            from jsonb_array_elements(s.live -> 'breakout' -> 'rooms') with ordinality x (r, place)))
        else s.live || (select coalesce(jsonb_object_agg(k, v), '{}') from jsonb_each(e.payload) x (k, v)
                        where k in ('locks', 'muted', 'spotlight', 'breakout')) end,
    status = case e.event when 'class:started' then 'active'
        when 'class:ended' then case when e.payload ? 'cancelled' then 'cancelled' else 'completed' end else s.status end,
    live_from = case e.event when 'class:started' then e.at else s.live_from end,
    live_until = case e.event when 'class:ended' then e.at else s.live_until end,
    title = coalesce(e.payload -> 'class' ->> 'title', s.title),
    description = coalesce(e.payload -> 'class' ->> 'description', s.description),
    host_id = coalesce(e.payload -> 'class' ->> 'hostId', s.host_id),
    start_time = coalesce((e.payload -> 'class' ->> 'startTime')::timestamptz at time zone 'utc', s.start_time),
    end_time = coalesce((e.payload -> 'class' ->> 'endTime')::timestamptz at time zone 'utc', s.end_time),
    max_participants = coalesce((e.payload -> 'class' ->> 'maxParticipants')::integer, s.max_participants),
    row_version = s.row_version + (e.payload ?| array['class', 'cancelled'])::integer, updated_at = e.at
from e where s.id = $3
