-- $1 tenant filter, $2 grader, $3 attempt, $4 the body (questions: [{questionId, points, feedback}], feedback), $5 staff. Nobody grades
-- their own; points stay within the question's. When every question has its points the attempt is graded; its taker hears of what is new.
with asked as (
    select t as row, a.title, t.user_id <> $2 and (coalesce(a.created_by = $2, false) or $5::boolean or exists (
        select from courses c where c.id = a.course_id and c.instructor_id = $2)) as own
    from assessment_attempts t join assessments a on a.id = t.assessment_id
    where t.id = $3 and t.establishment_id = coalesce($1, t.establishment_id) for no key update of t
), given as (
    select g ->> 'questionId' as id, replace(g ->> 'points', ',', '.')::numeric as points, g ->> 'feedback' as feedback
    from jsonb_array_elements(coalesce($4::jsonb -> 'questions', '[]')) g
), merged as (
    select jsonb_agg(case when g.id is null then r else r || jsonb_strip_nulls(jsonb_build_object('points', g.points, 'feedback', g.feedback,
                          'correct', g.points >= (r ->> 'maxPoints')::numeric)) end order by n) as results,
           sum(coalesce(g.points, (r ->> 'points')::numeric)) as points, sum((r ->> 'maxPoints')::numeric) as most,
           bool_and(coalesce(g.points, (r ->> 'points')::numeric) is not null) as whole,
           bool_or(g.points > (r ->> 'maxPoints')::numeric) as too_big
    from asked, jsonb_array_elements(case jsonb_typeof((row).results) when 'array' then (row).results else '[]' end) with ordinality as x (r, n)
    left join given g on g.id = r ->> 'questionId'
), refusal as (
    select case when not own and (row).user_id = $2 then 'forbidden' when not own then 'not_found'
                when (row).status not in ('submitted', 'graded') or (row).results is null then 'not_submitted'
                when (select count(*) <> count(distinct id) from given) then 'invalid questions repeated'
                when merged.too_big then 'invalid questions too_big'
                when exists (select from given where id is null or id not in (
                    select r ->> 'questionId' from jsonb_array_elements((row).results) r)) then 'invalid questions not_found' end as word
    from asked, merged
), done as (
    update assessment_attempts t set results = merged.results, feedback = coalesce($4::jsonb ->> 'feedback', t.feedback), graded_by = $2,
        score = round(coalesce(t.max_score, 100) * merged.points / nullif(merged.most, 0)),
        status = case when merged.whole then 'graded' else t.status end,
        graded_at = case when merged.whole then now() at time zone 'utc' else t.graded_at end, updated_at = now() at time zone 'utc'
    from merged, refusal where t.id = $3 and word is null returning t
)
select word, 200, (select answer(attempt_json(t)) from done), 0,
       (select json_agg(n) from done, asked, lateral notify((t).user_id, 'assessment_graded', jsonb_build_object('assessmentId', (t).assessment_id,
            'attemptId', (t).id, 'score', (t).score, 'maxScore', (t).max_score), 'Évaluation notée', 'Assessment graded',
            '« ' || title || ' » : ' || (t).score || '/' || (t).max_score, '"' || title || '": ' || (t).score || '/' || (t).max_score) n
        where n is not null and (t).status = 'graded'
          and ((t).status, (t).results, (t).feedback) is distinct from ((asked.row).status, (asked.row).results, (asked.row).feedback))
from refusal
