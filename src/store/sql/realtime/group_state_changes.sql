-- The group was changed in this batch; what the event does not name stays. $1 topic, $2 fence, $3 group id.
update study_groups g set
    name = coalesce(p ->> 'name', g.name), description = coalesce(p ->> 'description', g.description),
    max_members = coalesce((p ->> 'maxMembers')::integer, g.max_members), is_public = coalesce((p ->> 'isPublic')::boolean, g.is_public),
    tags = case jsonb_typeof(p -> 'tags') when 'array' then array(select jsonb_array_elements_text(p -> 'tags')) else g.tags end,
    status = coalesce((p ->> 'status')::study_group_status, g.status),
    scheduled_date = coalesce((p ->> 'scheduledDate')::timestamptz at time zone 'utc', g.scheduled_date),
    end_date = coalesce((p ->> 'endDate')::timestamptz at time zone 'utc', g.end_date),
    meeting_url = coalesce(p ->> 'meetingUrl', g.meeting_url),
    settings = coalesce(g.settings, '{}') || coalesce(p -> 'settings', '{}'), row_version = g.row_version + 1, updated_at = e.at
from (select e.payload -> 'group' as p, e.at
      from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
      where c.topic = $1 and c.fence = $2 and e.event = 'group:updated' and e.payload ? 'group'
      order by e.seq desc limit 1) e
where g.id = $3
