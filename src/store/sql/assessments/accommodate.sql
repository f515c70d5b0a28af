-- $1 tenant filter, $2 caller, $3 assessment, $4 the body (userId, extraTime %, extraAttempts, dueDate, reason), $5 staff, $6 who sees all. An attempt under
-- way gets its new end at once.
with one as (
    select a.*, coalesce(a.created_by = $2, false) or $5::boolean or exists (select from courses c where c.id = a.course_id and c.instructor_id = $2) as own,
           assessment_seen(a, $2, $6) as seen
    from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id)
), refusal as (
    select case when not seen then 'not_found' when not own then 'forbidden'
                when not exists (select from users u where u.id = $4::jsonb ->> 'learnerId'
                                 and u.establishment_id = one.establishment_id) then 'not_found' end as word from one
), made as (
    insert into assessment_accommodations as x (assessment_id, user_id, establishment_id, extra_time, extra_attempts, due_date, reason, granted_by)
    select id, b ->> 'learnerId', establishment_id, coalesce((b ->> 'extraTime')::integer, 0), coalesce((b ->> 'extraAttempts')::integer, 0),
           (b ->> 'dueDate')::timestamptz at time zone 'utc', b ->> 'reason', $2
    from one, refusal, (select $4::jsonb as b) body where word is null
    on conflict (assessment_id, user_id) do update set extra_time = excluded.extra_time, extra_attempts = excluded.extra_attempts,
        due_date = excluded.due_date, reason = excluded.reason, granted_by = excluded.granted_by, at = now() at time zone 'utc'
    returning x
), moved as (
    update assessment_attempts t set deadline = least(t.started_at + one.time_limit * (100 + (x).extra_time) * interval '1 minute' / 100,
                                                      coalesce((x).due_date, one.due_date))
    from made, one where t.assessment_id = one.id and t.user_id = (x).user_id and t.status = 'in_progress' returning t
)
select word, 200, (select answer(json_build_object('assessmentId', (x).assessment_id, 'learnerId', (x).user_id, 'extraTime', (x).extra_time,
    'extraAttempts', (x).extra_attempts, 'dueDate', iso8601((x).due_date), 'reason', (x).reason)) from made), 0,
    (select json_agg(channel_tell('assessment:' || (t).assessment_id, 'attempt:moved', jsonb_build_object('attempt', attempt_json(t)),
        (t).establishment_id)) from moved)
from refusal
