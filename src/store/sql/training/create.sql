-- $1 tenant filter, $2 caller, $3 course, $4 the body, $5 staff, $6 who sees all: a draft.
with course as (
    select c.*, coalesce(c.instructor_id = $2, false) or $5::boolean as own from courses c
    where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id) and course_seen(c, $2, $6)
), refusal as (
    select case when not own then 'forbidden' when ($4::jsonb ->> 'endDate')::timestamptz < ($4::jsonb ->> 'startDate')::timestamptz
                then 'invalid endDate order' end as word from course
), made as (
    insert into training_sessions (course_id, establishment_id, name, description, start_date, end_date, max_participants, meeting_url, meeting_id,
                                   meeting_platform, status, created_at, updated_at)
    select course.id, establishment_id, b ->> 'name', b ->> 'description', (b ->> 'startDate')::timestamptz at time zone 'utc',
           (b ->> 'endDate')::timestamptz at time zone 'utc', (b ->> 'maxParticipants')::integer, b ->> 'meetingUrl', b ->> 'meetingId',
           b ->> 'meetingPlatform', 'draft', now() at time zone 'utc', now() at time zone 'utc'
    from course, refusal, (select $4::jsonb as b) body where word is null returning training_sessions as s
)
select word, 201, (select answer(training_session_json(s)) from made), 1 from refusal
