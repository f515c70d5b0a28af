-- $1 tenant, $2 author, $3 the body (its questions are checked), $4 staff. A draft: somebody else approves it.
with course as (
    select c.* from courses c where c.id = $3::jsonb ->> 'courseId' and c.establishment_id = current_setting('stacgate.establishment_id')
      and ($1::text is null or c.establishment_id = $1) and (c.is_active or c.instructor_id = $2 or $4::boolean)
), refusal as (
    select case when nullif(current_setting('stacgate.establishment_id', true), '') is null then 'invalid establishmentId required'
                when $3::jsonb ? 'courseId' and not exists (select from course) then 'not_found'
                when $3::jsonb ? 'moduleId' and not exists (select from course_modules m join course c on c.id = m.course_id
                                                            where m.id = $3::jsonb ->> 'moduleId') then 'not_found'
                when not $4::boolean and exists (select from course where instructor_id is distinct from $2) then 'forbidden'
                when not exists (select from establishments where id = current_setting('stacgate.establishment_id')) then 'not_found'
                when coalesce(($3::jsonb ->> 'passingScore')::integer, 60) > coalesce(($3::jsonb ->> 'maxScore')::integer, 100)
                     then case when $3::jsonb ? 'passingScore' then 'invalid passingScore too_big' end end as word
), made as (
    insert into assessments (establishment_id, course_id, module_id, title, description, assessment_type, questions, max_score, passing_score,
                             time_limit, max_attempts, is_public, is_reviewable, due_date, status, created_by, created_at, updated_at)
    select current_setting('stacgate.establishment_id'), b ->> 'courseId', b ->> 'moduleId', b ->> 'title', coalesce(b ->> 'description', ''),
           coalesce(b ->> 'assessmentType', 'quiz'), coalesce(b -> 'questions', '[]'), coalesce((b ->> 'maxScore')::integer, 100),
           coalesce((b ->> 'passingScore')::integer, least(60, coalesce((b ->> 'maxScore')::integer, 100))),
           nullif((b ->> 'timeLimit')::integer, 0), coalesce((b ->> 'maxAttempts')::integer, 1), coalesce((b ->> 'isPublic')::boolean, true),
           coalesce((b ->> 'isReviewable')::boolean, false),
           (b ->> 'dueDate')::timestamptz at time zone 'utc', 'draft', $2, now() at time zone 'utc', now() at time zone 'utc'
    from (select $3::jsonb as b) body, refusal where word is null returning assessments as a
)
select word, 201, (select answer(assessment_full(a)) from made), 1 from refusal
