-- $1 tenant filter, $2 who, $3 assessment, $4 who sees all: the attempt under way (200), or a new one (201), on the server's clock. timeLimit is minutes;
-- accommodations lengthen it, the due date ends it.
with one as (
    select a.*, x.extra_time, x.extra_attempts, coalesce(x.due_date, a.due_date) as due, now() at time zone 'utc' as now,
           a.created_by = $2 or assessment_open(a, $2) as takes
    from assessments a left join assessment_accommodations x on x.assessment_id = a.id and x.user_id = $2
    where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id) and assessment_seen(a, $2, $4)
), before as (
    select t.* from assessment_attempts t where t.assessment_id = $3 and t.user_id = $2
), running as (
    select b.* from before b where b.status = 'in_progress' and (b.deadline is null or b.deadline > now() at time zone 'utc')
    order by started_at desc limit 1
), refusal as (
    select case when draft_of is not null then 'not_approved'
                when takes is not true then case when status = 'approved' then 'forbidden' else 'not_approved' end
                when exists (select from running) then null when status <> 'approved' then 'not_approved' when due <= now then 'overdue'
                when max_attempts > 0 and (select count(*) from before) >= max_attempts + coalesce(extra_attempts, 0) then 'attempts_used'
                when jsonb_typeof(questions) is distinct from 'array' or jsonb_array_length(questions) = 0 then 'not_approved' end as word
    from one
), made as (
    insert into assessment_attempts as t (assessment_id, user_id, establishment_id, answers, score, max_score, status, started_at, deadline,
                                          version, seed)
    select id, $2, establishment_id, '{}', 0, coalesce(max_score, 100), 'in_progress', now,
           least(now + nullif(time_limit, 0) * (100 + coalesce(extra_time, 0)) * interval '1 minute' / 100, due), version,
           gen_random_uuid()
    from one, refusal where word is null and not exists (select from running) returning t
), it as (
    select t, true as fresh from made union all select r::assessment_attempts, false from (select b as r from assessment_attempts b
        where b.id = (select id from running)) x
)
select word, (select case when fresh then 201 else 200 end from it),
       (select answer((attempt_json(t)::jsonb || jsonb_build_object('now', iso8601(now() at time zone 'utc'), 'answers', coalesce((t).answers, '{}'),
            'attemptsLeft', case when one.max_attempts > 0 then one.max_attempts + coalesce(one.extra_attempts, 0)
                                 - (select count(*) from before) - (select count(*) from made) end,
            'questions', questions_for_taker(attempt_questions(t), (t).id)))::json, case when fresh then 201 else 200 end) from it, one), 0,
       (select json_build_array(channel_tell('assessment:' || $3::text, 'attempt:started', jsonb_build_object('attempt', attempt_json(t)),
            (t).establishment_id)) from made)
from refusal
