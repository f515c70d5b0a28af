-- One group: public ones, one's own, all for staff ($4). $1 tenant filter, $2 caller, $3 group. Refusal, status, JSON, version, nobody to
-- tell, whether the caller may change it.
select null, 200, json_build_object(
           'id', g.id, 'establishmentId', g.establishment_id, 'courseId', g.course_id, 'createdBy', g.created_by, 'name', g.name,
           'description', g.description, 'maxMembers', coalesce(g.max_members, 10), 'currentMembers', coalesce(g.current_members, 0),
           'status', g.status, 'isPublic', g.is_public is not false, 'tags', coalesce(to_json(g.tags), '[]'),
           'scheduledDate', iso8601(g.scheduled_date), 'endDate', iso8601(g.end_date), 'meetingUrl', g.meeting_url,
           'settings', coalesce(g.settings, '{}'), 'createdAt', iso8601(coalesce(g.created_at, 'epoch')),
           'updatedAt', iso8601(coalesce(g.updated_at, g.created_at, 'epoch')), 'isMember', m.id is not null, 'role', m.role,
           'lastSeq', coalesce(c.last_seq, h.seq, 0), 'lastReadSeq', coalesce(m.last_read_seq, 0),
           'unreadCount', case when m.id is null then 0 else (select count(*) from study_group_messages s where s.study_group_id = g.id
               and s.seq > coalesce(m.last_read_seq, 0) and s.sender_id <> $2 and s.is_deleted is not true) end), g.row_version, null,
       g.room_of is null and ($4::boolean or coalesce(m.role = 'admin', false))
from study_groups g
left join study_group_members m on m.study_group_id = g.id and m.user_id = $2 and m.is_active
left join lateral (select c.last_seq from channels c where c.topic = 'group:' || g.id limit 1) c on true
left join lateral (select max(s.seq) as seq from study_group_messages s where s.study_group_id = g.id and c.last_seq is null) h on true
where g.id = $3 and g.establishment_id = coalesce($1, g.establishment_id) and group_seen(g, $2, $4)
