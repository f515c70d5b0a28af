-- $1 tenant filter, $2 attempt, $3 results (one object a question), $4 points, $5 most points, $6 whether a person must grade the rest.
-- The attempt, and whom to tell: the taker of a grade; who grades that something waits, once for an assessment while that is unread.
with done as (
    update assessment_attempts t set results = $3::jsonb, score = round(coalesce(t.max_score, 100) * $4::numeric / nullif($5::numeric, 0)),
        status = case when $6::boolean then 'submitted' else 'graded' end,
        graded_at = case when $6::boolean then null else now() at time zone 'utc' end, updated_at = now() at time zone 'utc'
    where t.id = $2 and t.establishment_id = coalesce($1, t.establishment_id) and t.status = 'submitted' and t.results is null returning t
), told as (
    select notify((t).user_id, 'assessment_graded', jsonb_build_object('assessmentId', a.id, 'attemptId', (t).id, 'score', (t).score,
                  'maxScore', (t).max_score), 'Évaluation notée', 'Assessment graded',
                  '« ' || a.title || ' » : ' || (t).score || '/' || (t).max_score, '"' || a.title || '": ' || (t).score || '/' || (t).max_score) as n
    from done join assessments a on a.id = (t).assessment_id where (t).status = 'graded'
)
select (select attempt_json(t) from done), (select (t).user_id from done), (select json_agg(n) from (
    select n from told where n is not null
    union all select n from (
        select notify(grader.id, 'system_update', jsonb_build_object('assessmentId', a.id, 'attemptId', (t).id), 'Copies à corriger', 'Answers to grade',
            '« ' || a.title || ' » attend une correction.', '"' || a.title || '" waits to be graded.') as n
        from done join assessments a on a.id = (t).assessment_id, lateral (
            select a.created_by as id union select c.instructor_id from courses c where c.id = a.course_id) grader
        where (t).status = 'submitted' and grader.id is not null and grader.id <> (t).user_id and not exists (
            select from notifications x where x.user_id = grader.id and x.is_read is not true and x.type = 'system_update'
                and x.data ->> 'assessmentId' = a.id and x.data ? 'attemptId')) waits where n is not null
    union all select activity('assessment_submitted', jsonb_build_object('userId', (t).user_id, 'assessmentId', (t).assessment_id,
        'attemptId', (t).id)) from done) x)
