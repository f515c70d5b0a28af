-- $1 tenant filter, $2 caller, $3 session, $4 the body, $5 staff, $6 the versions of which one must still stand or null, $7 who sees all. Not below who is in it; null takes
-- away what was set. Who is in it hears of other dates, or of another way into the meeting.
with old as (
    select s.*, coalesce(c.instructor_id = $2, false) or $5::boolean as own from training_sessions s join courses c on c.id = s.course_id
    where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
      and (coalesce(c.instructor_id = $2, false) or $7::boolean or course_seen(c, $2, $7) and s.status in ('approved', 'active', 'completed')) for no key update of s
), refusal as (
    select case when not own then 'forbidden' when row_version <> all($6::bigint[]) then 'stale' when status = 'archived' then 'archived'
                when case when $4::jsonb ? 'endDate' then ($4::jsonb ->> 'endDate')::timestamptz at time zone 'utc' else end_date end
                     < case when $4::jsonb ? 'startDate' then ($4::jsonb ->> 'startDate')::timestamptz at time zone 'utc' else start_date end then 'invalid endDate order'
                when ($4::jsonb ->> 'maxParticipants')::integer < (select count(*) from user_courses e where e.session_id = $3
                     and e.status is distinct from 'dropped') then 'invalid maxParticipants too_small' end as word from old
), new as (
    update training_sessions s set name = coalesce(b ->> 'name', s.name), description = coalesce(b ->> 'description', s.description),
        start_date = case when b ? 'startDate' then (b ->> 'startDate')::timestamptz at time zone 'utc' else s.start_date end,
        end_date = case when b ? 'endDate' then (b ->> 'endDate')::timestamptz at time zone 'utc' else s.end_date end,
        max_participants = case when b ? 'maxParticipants' then (b ->> 'maxParticipants')::integer else s.max_participants end,
        meeting_url = case when b ? 'meetingUrl' then b ->> 'meetingUrl' else s.meeting_url end,
        meeting_id = case when b ? 'meetingId' then b ->> 'meetingId' else s.meeting_id end,
        meeting_platform = coalesce(b ->> 'meetingPlatform', s.meeting_platform),
        row_version = s.row_version + 1, updated_at = now() at time zone 'utc'
    from (select $4::jsonb as b) body, refusal where s.id = $3 and word is null returning s
)
select word, 200, (select training_session_json(s) from new), (select (s).row_version from new),
       (select json_agg(n) from (
            select channel_say('course:' || (s).course_id, 'session:scheduled', json_build_object('session', training_session_json(s)), $2) as n
            from new where (s).status in ('approved', 'active')
            union all select notify(e.user_id, 'system_update', jsonb_build_object('courseId', (s).course_id, 'sessionId', (s).id), 'Session modifiée',
                'Session changed', 'Les dates ou le lien de « ' || (s).name || ' » ont changé.', 'The dates or the link of "' || (s).name || '" have changed.')
            from new, old, user_courses e
            where (s).status in ('approved', 'active') and e.session_id = $3 and e.status is distinct from 'dropped' and e.user_id <> $2
              and ((s).start_date, (s).end_date, (s).meeting_url, (s).meeting_id) is distinct from (old.start_date, old.end_date, old.meeting_url, old.meeting_id)) t
        where n is not null)
from refusal
