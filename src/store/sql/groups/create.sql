-- $1 establishment, $2 creator, $3 name, $4 description, $5 course or null, $6 most members, $7 public, $8 tags, $9 begins, $10 ends,
-- $11 meeting address, $12 settings or null. The creator becomes its admin. Refusal, status, JSON.
with refusal as (
    select case when $5::text is not null and not exists (select from courses c where c.id = $5::text and c.establishment_id = $1::text) then 'not_found'
                when $10::timestamptz < $9::timestamptz then 'invalid endDate order' end as word
), made as (
    insert into study_groups (establishment_id, created_by, name, description, course_id, max_members, current_members, is_public, tags,
                              status, scheduled_date, end_date, meeting_url, settings)
    select $1::text, $2::text, $3::text, $4::text, $5::text, coalesce($6::integer, 10), 1, coalesce($7::boolean, true), $8::text[],
           case when $9::timestamptz > now() then 'scheduled' else 'active' end::study_group_status,
           $9::timestamptz at time zone 'utc', $10::timestamptz at time zone 'utc', $11::text,
           '{"allowFileSharing": true, "allowScreenShare": true, "allowWhiteboard": true, "allowPolls": true, "moderatorOnly": false}'::jsonb
               || coalesce($12::jsonb, '{}')
    from refusal where word is null
    returning *
), member as (
    insert into study_group_members (study_group_id, establishment_id, user_id, role) select id, establishment_id, $2::text, 'admin' from made
)
select word, 201, (select answer(json_build_object(
           'id', id, 'establishmentId', establishment_id, 'courseId', course_id, 'createdBy', created_by, 'name', name,
           'description', description, 'maxMembers', max_members, 'currentMembers', current_members, 'status', status,
           'isPublic', is_public, 'tags', coalesce(to_json(tags), '[]'), 'scheduledDate', iso8601(scheduled_date),
           'endDate', iso8601(end_date), 'meetingUrl', meeting_url, 'settings', settings, 'createdAt', iso8601(created_at),
           'updatedAt', iso8601(updated_at), 'isMember', true, 'role', 'admin', 'lastSeq', 0, 'lastReadSeq', 0, 'unreadCount', 0,
           'lastMessage', null)) from made)
from refusal
