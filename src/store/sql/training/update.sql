-- $1 tenant filter, $2 caller, $3 session, $4 the body, $5 staff, $6 the versions of which one must still stand or null. Not below who is in it.
with old as (
    select s.*, c.instructor_id = $2 or $5::boolean as own from training_sessions s join courses c on c.id = s.course_id
    where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
      and (c.instructor_id = $2 or $5::boolean or c.is_active and s.status in ('approved', 'active', 'completed')) for no key update of s
), refusal as (
    select case when not own then 'forbidden' when row_version <> all($6::bigint[]) then 'stale' when status = 'archived' then 'conflict'
                when coalesce(($4::jsonb ->> 'endDate')::timestamptz at time zone 'utc', end_date)
                     < coalesce(($4::jsonb ->> 'startDate')::timestamptz at time zone 'utc', start_date) then 'invalid endDate order'
                when ($4::jsonb ->> 'maxParticipants')::integer < (select count(*) from user_courses e where e.session_id = $3
                     and e.status is distinct from 'dropped') then 'invalid maxParticipants too_small' end as word from old
), new as (
    update training_sessions s set name = coalesce(b ->> 'name', s.name), description = coalesce(b ->> 'description', s.description),
        start_date = coalesce((b ->> 'startDate')::timestamptz at time zone 'utc', s.start_date),
        end_date = coalesce((b ->> 'endDate')::timestamptz at time zone 'utc', s.end_date),
        max_participants = coalesce((b ->> 'maxParticipants')::integer, s.max_participants), meeting_url = coalesce(b ->> 'meetingUrl', s.meeting_url),
        meeting_id = coalesce(b ->> 'meetingId', s.meeting_id), meeting_platform = coalesce(b ->> 'meetingPlatform', s.meeting_platform),
        row_version = s.row_version + 1, updated_at = now() at time zone 'utc'
    from (select $4::jsonb as b) body, refusal where s.id = $3 and word is null returning s
)
select word, 200, (select training_session_json(s) from new), (select (s).row_version from new),
       (select json_agg(channel_say('course:' || (s).course_id, 'session:scheduled', json_build_object('session', training_session_json(s)), $2))
        from new where (s).status in ('approved', 'active'))
from refusal
