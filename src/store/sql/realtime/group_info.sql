-- The group as REST gives it, what its rules need, and who belongs to it, as a list of [user id, role, muted until (ms), last read],
-- and the group whose breakout room it is.
-- $1 group id, $2 establishment.
select jsonb_build_object(
           'id', g.id, 'establishmentId', g.establishment_id, 'courseId', g.course_id, 'createdBy', g.created_by, 'name', g.name,
           'description', g.description, 'maxMembers', g.max_members, 'status', g.status,
           'isPublic', g.is_public, 'tags', coalesce(to_jsonb(g.tags), '[]'), 'scheduledDate', iso8601(g.scheduled_date), 'endDate', iso8601(g.end_date),
           'meetingUrl', g.meeting_url, 'createdAt', iso8601(g.created_at),
           'updatedAt', iso8601(g.updated_at)),
       g.status = 'archived', coalesce((g.settings ->> 'moderatorOnly')::boolean, false),
       coalesce((g.settings ->> 'locked')::boolean, false), coalesce(g.max_members, 10), coalesce(g.is_public, true),
       coalesce(g.settings, '{}') - 'locked',
       (select coalesce(jsonb_agg(jsonb_build_array(
                   m.user_id, coalesce(m.role, 'member'),
                   case when m.muted_until = 'infinity' then 9223372036854775807 else (extract(epoch from m.muted_until) * 1000)::bigint end,
                   coalesce(m.last_read_seq, 0))), '[]')
        from study_group_members m where m.study_group_id = g.id and m.establishment_id = g.establishment_id and m.is_active),
       g.row_version,
       g.room_of
from study_groups g
where g.id = $1 and g.establishment_id = coalesce($2, g.establishment_id)
