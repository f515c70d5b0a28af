-- $1 tenant filter, $2 taker, $3 attempt, $4 the body (answers; assessmentId, from a channel: it must be of that one), $5 who grades all: answers are kept
-- question by question while the time runs, a mebibyte in all.
with asked as (
    select t.*, t.status = 'in_progress' and (t.deadline is null or t.deadline > now() at time zone 'utc') as open,
           coalesce(t.answers, '{}') || ($4::jsonb -> 'answers') as whole
    from assessment_attempts t join assessments a on a.id = t.assessment_id
    where t.id = $3 and (t.user_id = $2 or a.created_by = $2 or $5::boolean or exists (select from courses c where c.id = a.course_id and c.instructor_id = $2)) and t.establishment_id = coalesce($1, t.establishment_id)
      and t.assessment_id = coalesce($4::jsonb ->> 'assessmentId', t.assessment_id) for no key update of t
), refusal as (
    select case when user_id <> $2 then 'forbidden' when not open then 'attempt_over' when octet_length(whole::text) > 1048576 then 'too_large' end as word from asked
), saved as (
    update assessment_attempts t set answers = whole, updated_at = now() at time zone 'utc'
    from asked, refusal where t.id = asked.id and word is null returning t
)
select word, 200,
       json_build_object('attemptId', id, 'savedAt', iso8601(now() at time zone 'utc'), 'deadline', iso8601(deadline)), 0,
       (select json_build_array(channel_tell('assessment:' || (t).assessment_id, 'attempt:saved', jsonb_build_object('attemptId', (t).id, 'userId',
            (t).user_id, 'savedAt', iso8601(now() at time zone 'utc'), 'answered', (select count(*) from jsonb_object_keys((t).answers))),
            (t).establishment_id)) from saved)
from asked, refusal
