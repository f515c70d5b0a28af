-- $1 tenant filter, $2 caller, $3 assessment, $4 the body (its questions are checked), $5 staff, $6 the versions of which one must still stand or
-- null, $7 who sees all. An approved one stays as it is: the change goes into its draft version, made of it now or begun before, and its version moves, as
-- its PUT's. A dueDate of null is none. Whatever is changed has to be submitted again, and approved by somebody who changed nothing of it.
with asked as (
    select a.*, coalesce(a.created_by = $2, false) or $5::boolean or exists (select from courses c where c.id = a.course_id and c.instructor_id = $2) as own,
           assessment_seen(a, $2, $7) as seen,
           a.status = 'approved' or exists (select from assessments d where d.draft_of = a.id) as settled
    from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id) for no key update
), refusal as (
    select case when not seen then 'not_found' when not own then 'forbidden'
                when row_version <> all($6::bigint[]) then 'stale'
                when coalesce(($4::jsonb ->> 'passingScore')::integer, passing_score, 60)
                     > coalesce(($4::jsonb ->> 'maxScore')::integer, max_score, 100) then 'invalid passingScore too_big' end as word
    from asked
), draft as (
    insert into assessments as d (establishment_id, course_id, module_id, title, description, assessment_type, questions, max_score,
                                  passing_score, time_limit, max_attempts, is_public, is_reviewable, due_date, status, created_by, draft_of, created_at,
                                  updated_at)
    select establishment_id, course_id, module_id, coalesce(b ->> 'title', title), coalesce(b ->> 'description', description),
           coalesce(b ->> 'assessmentType', assessment_type), coalesce(b -> 'questions', questions),
           coalesce((b ->> 'maxScore')::integer, max_score), coalesce((b ->> 'passingScore')::integer, passing_score),
           nullif(coalesce((b ->> 'timeLimit')::integer, time_limit), 0), coalesce((b ->> 'maxAttempts')::integer, max_attempts),
           coalesce((b ->> 'isPublic')::boolean, is_public), coalesce((b ->> 'isReviewable')::boolean, is_reviewable),
           case when b ? 'dueDate' then (b ->> 'dueDate')::timestamptz at time zone 'utc' else due_date end,
           'draft', $2, id, now() at time zone 'utc', now() at time zone 'utc'
    from asked, refusal, (select $4::jsonb as b) body where word is null and settled and draft_of is null
    on conflict (draft_of) where draft_of is not null do update set
        title = coalesce($4::jsonb ->> 'title', d.title), description = coalesce($4::jsonb ->> 'description', d.description),
        assessment_type = coalesce($4::jsonb ->> 'assessmentType', d.assessment_type),
        questions = coalesce($4::jsonb -> 'questions', d.questions), max_score = coalesce(($4::jsonb ->> 'maxScore')::integer, d.max_score),
        passing_score = coalesce(($4::jsonb ->> 'passingScore')::integer, d.passing_score),
        time_limit = nullif(coalesce(($4::jsonb ->> 'timeLimit')::integer, d.time_limit), 0),
        max_attempts = coalesce(($4::jsonb ->> 'maxAttempts')::integer, d.max_attempts),
        is_public = coalesce(($4::jsonb ->> 'isPublic')::boolean, d.is_public),
        is_reviewable = coalesce(($4::jsonb ->> 'isReviewable')::boolean, d.is_reviewable),
        due_date = case when $4::jsonb ? 'dueDate' then ($4::jsonb ->> 'dueDate')::timestamptz at time zone 'utc' else d.due_date end,
        status = 'draft', writers = array(select distinct unnest(d.writers || $2::text)), row_version = d.row_version + 1, updated_at = now() at time zone 'utc'
    returning d
), moved as (
    update assessments a set row_version = a.row_version + 1 from asked, draft where a.id = asked.id
), changed as (
    update assessments a set
        title = coalesce(b ->> 'title', a.title), description = coalesce(b ->> 'description', a.description),
        assessment_type = coalesce(b ->> 'assessmentType', a.assessment_type), questions = coalesce(b -> 'questions', a.questions),
        max_score = coalesce((b ->> 'maxScore')::integer, a.max_score),
        passing_score = coalesce((b ->> 'passingScore')::integer, a.passing_score),
        time_limit = nullif(coalesce((b ->> 'timeLimit')::integer, a.time_limit), 0),
        max_attempts = coalesce((b ->> 'maxAttempts')::integer, a.max_attempts), is_public = coalesce((b ->> 'isPublic')::boolean, a.is_public),
        is_reviewable = coalesce((b ->> 'isReviewable')::boolean, a.is_reviewable),
        due_date = case when b ? 'dueDate' then (b ->> 'dueDate')::timestamptz at time zone 'utc' else a.due_date end,
        status = 'draft', writers = array(select distinct unnest(a.writers || $2::text)), row_version = a.row_version + 1, updated_at = now() at time zone 'utc'
    from asked, refusal, (select $4::jsonb as b) body where a.id = asked.id and word is null and (not asked.settled or asked.draft_of is not null)
    returning a
), new as (select d as row from draft union all select a from changed)
select word, 200, (select assessment_full(row) from new), (select (row).row_version from new) from refusal
