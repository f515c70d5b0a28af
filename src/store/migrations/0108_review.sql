-- What a taker reads about the questions when it can help nobody any more: their author's explanations. An assessment says whether it has that
-- (is_reviewable); old ones have not. Keys stay where they are.
--
-- attempt_reviewed(attempt) -> boolean              whether its taker may read the explanations now
-- questions_reviewed(questions, seed) -> jsonb      what takers see of questions, with the explanations

alter table assessments add column if not exists is_reviewable boolean not null default false;

create or replace function assessment_json(a assessments) returns json language sql stable as $$
    select json_build_object('id', a.id, 'courseId', a.course_id, 'moduleId', a.module_id, 'establishmentId', a.establishment_id,
        'title', a.title, 'description', a.description, 'assessmentType', a.assessment_type, 'maxScore', coalesce(a.max_score, 100),
        'passingScore', coalesce(a.passing_score, 60), 'timeLimit', nullif(a.time_limit, 0), 'maxAttempts', a.max_attempts,
        'isPublic', a.is_public is not false, 'isReviewable', a.is_reviewable, 'dueDate', iso8601(a.due_date), 'status', a.status,
        'version', a.version, 'draftOf', a.draft_of, 'createdBy', a.created_by, 'approvedBy', a.approved_by, 'approvedAt', iso8601(a.approved_at),
        'questionCount', case jsonb_typeof(a.questions) when 'array' then jsonb_array_length(a.questions) else 0 end,
        'createdAt', iso8601(a.created_at), 'updatedAt', iso8601(coalesce(a.updated_at, a.created_at)))
$$;

-- The attempt is graded, nobody's is under way, and none can be begun: the last due date of anybody is over; or there is none for all, and
-- the taker has used theirs up, or had a date of their own.
create function attempt_reviewed(t assessment_attempts) returns boolean language sql stable as $$
    select coalesce(t.status = 'graded' and a.is_reviewable
        and not exists (select from assessment_attempts o where o.assessment_id = a.id and o.status = 'in_progress'
                        and (o.deadline is null or o.deadline > now() at time zone 'utc'))
        and not exists (select from assessment_accommodations x where x.assessment_id = a.id and x.due_date > now() at time zone 'utc')
        and case when coalesce(x.due_date, a.due_date) is not null then greatest(x.due_date, a.due_date) <= now() at time zone 'utc'
                 else a.max_attempts > 0 and (select count(*) from assessment_attempts o where o.assessment_id = a.id and o.user_id = t.user_id)
                                             >= a.max_attempts + coalesce(x.extra_attempts, 0) end, false)
    from assessments a left join assessment_accommodations x on x.assessment_id = a.id and x.user_id = t.user_id where a.id = t.assessment_id
$$;

create function questions_reviewed(q jsonb, seed text) returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(x || jsonb_strip_nulls(jsonb_build_object('explanation', q -> (place::integer - 1) -> 'explanation')) order by place), '[]')
    from jsonb_array_elements(questions_for_taker(q, seed)) with ordinality as t (x, place)
$$;
