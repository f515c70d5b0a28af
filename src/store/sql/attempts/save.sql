-- $1 tenant filter, $2 taker, $3 attempt, $4 the body (answers; assessmentId, from a channel: it must be of that one): answers are kept
-- question by question while the time runs.
with asked as (
    select t.*, t.status = 'in_progress' and (t.deadline is null or t.deadline > now() at time zone 'utc') as open
    from assessment_attempts t where t.id = $3 and t.user_id = $2 and t.establishment_id = coalesce($1, t.establishment_id)
      and t.assessment_id = coalesce($4::jsonb ->> 'assessmentId', t.assessment_id) for no key update
), saved as (
    update assessment_attempts t set answers = coalesce(t.answers, '{}') || ($4::jsonb -> 'answers'), updated_at = now() at time zone 'utc'
    from asked where t.id = asked.id and asked.open returning t
)
select case when not open then 'attempt_over' end, 200,
       json_build_object('attemptId', id, 'savedAt', iso8601(now() at time zone 'utc'), 'deadline', iso8601(deadline)), 0,
       (select json_build_array(channel_tell('assessment:' || (t).assessment_id, 'attempt:saved', jsonb_build_object('attemptId', (t).id, 'userId',
            (t).user_id, 'savedAt', iso8601(now() at time zone 'utc'), 'answered', (select count(*) from jsonb_object_keys((t).answers))),
            (t).establishment_id)) from saved)
from asked
