-- $1 tenant filter, $2 caller, $3 assessment, $4 staff, $5 the query (limit), $6 who sees all: attempts with scores, their distribution and statistics per
-- question for the author and staff, in points of the present version; one's own attempts for everybody else.
with one as (
    select a.*, coalesce(a.created_by = $2, false) or $4::boolean or exists (select from courses c where c.id = a.course_id and c.instructor_id = $2) as own,
           assessment_seen(a, $2, $6) as seen
    from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id)
), visible as (
    select * from one where seen
), attempts as materialized (
    select t.id, t.user_id, t.score, t.max_score, t.status, t.started_at, t.submitted_at, t.results, attempt_passed(t) as passed,
           round(coalesce(t.score, 0)::numeric * coalesce(v.max_score, 100) / nullif(coalesce(t.max_score, 100), 0), 2) as points,
           100.0 * coalesce(t.score, 0) / nullif(coalesce(t.max_score, 100), 0) as percent
    from visible v join assessment_attempts t on t.assessment_id = v.id and t.establishment_id = v.establishment_id
    where v.own or t.user_id = $2
), graded as (
    select * from attempts where status = 'graded'
), listed as (
    select t.* from (select id from attempts order by started_at desc, id desc limit coalesce(($5::jsonb ->> 'limit')::bigint, 50)) x
    join assessment_attempts t using (id)
), per_question as (
    select r ->> 'questionId' as id, count(*) as answers, avg((r ->> 'points')::numeric) as points, max((r ->> 'maxPoints')::numeric) as most,
           avg(case (r ->> 'correct')::boolean when true then 1.0 when false then 0 end) as correct
    from graded, jsonb_array_elements(case jsonb_typeof(results) when 'array' then results else '[]' end) r group by 1
)
select null, 200, json_build_object('assessmentId', v.id, 'title', v.title, 'maxScore', coalesce(v.max_score, 100),
    'passingScore', coalesce(v.passing_score, 60),
    'attempts', coalesce((select json_agg(attempt_json(l)::jsonb || jsonb_build_object('user', (select jsonb_build_object('id', u.id,
            'firstName', u.first_name, 'lastName', u.last_name) from users u where u.id = l.user_id),
            'passed', attempt_passed(l)) order by l.started_at desc, l.id desc) from listed l), '[]'),
    'statistics', case when v.own then (select json_build_object('attempts', (select count(*) from attempts), 'graded', count(*),
            'learners', count(distinct user_id), 'mean', round(avg(points), 2),
            'median', percentile_cont(0.5) within group (order by points), 'lowest', min(points), 'highest', max(points),
            'passRate', round(100.0 * count(*) filter (where passed) / nullif(count(*), 0), 2)) from graded) end,
    'distribution', case when v.own then (select json_agg(json_build_object('from', d * 10, 'to', d * 10 + 10, 'count', (
            select count(*) from graded where least(floor(percent / 10), 9) = d)) order by d) from generate_series(0, 9) d) end,
    'questions', case when v.own then coalesce((select json_agg(json_build_object('questionId', p.id, 'answers', p.answers,
            'meanPoints', round(p.points, 2), 'maxPoints', p.most, 'correctRate', round(100 * p.correct, 2)) order by p.id)
            from per_question p), '[]') end)
from visible v
