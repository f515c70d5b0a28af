-- One attempt: its taker's (questions without keys, what they answered, explanations once they help nobody any more), or for the author and staff with the keys. $1 tenant filter,
-- $2 caller, $3 attempt, $4 staff.
select null, 200, attempt_json(t)::jsonb || jsonb_build_object('now', iso8601(now() at time zone 'utc'), 'answers', coalesce(t.answers, '{}'),
    'questions', case when own then attempt_questions(t)
                      when attempt_reviewed(t) then questions_reviewed(attempt_questions(t), t.id)
                      else questions_for_taker(attempt_questions(t), t.id) end)
from assessment_attempts t join assessments a on a.id = t.assessment_id
cross join lateral (select t.user_id <> $2 and (coalesce(a.created_by = $2, false) or $4::boolean or exists (
    select from courses c where c.id = a.course_id and c.instructor_id = $2)) as own) x
where t.id = $3 and t.establishment_id = coalesce($1, t.establishment_id) and (t.user_id = $2 or own)
