-- Where these people stand in an assessment: the attempt under way, else their last one, with what they answered and without questions.
-- $1 assessment id, $2 establishment, $3 people. (user, attempt or null, now in ms)
select x.id, (select attempt_json(t)::jsonb || jsonb_build_object('answers', coalesce(t.answers, '{}')) from assessment_attempts t
              where t.assessment_id = $1 and t.user_id = x.id and t.establishment_id = coalesce($2, t.establishment_id)
              order by (t.status = 'in_progress') desc, t.started_at desc, t.id desc limit 1),
       (extract(epoch from clock_timestamp()) * 1000)::bigint
from (select distinct unnest($3::text[]) as id) x
