-- Assessments, without their questions: all for staff, one's own. $1 tenant, $2 owner, $3 staff, $4 config (rows whose fields are what its filters say), $5 type, $6 the last id of the page before (""), $7 most rows, $8 whether the
-- file has no row yet. The page as text, in CSV under its head where it is the first, its last id, how many rows it went through, how many of them it kept.
with found as (
    select x.id, x.title, x.assessment_type as "assessmentType", x.course_id as "courseId", x.max_score as "maxScore",
           x.passing_score as "passingScore", x.time_limit as "timeLimit", x.max_attempts as "maxAttempts", iso8601(x.due_date) as "dueDate",
           x.status, x.created_by as "createdBy", iso8601(x.created_at) as "createdAt"
    from assessments x where x.establishment_id = $1
      and ($3::boolean or x.created_by = $2) and x.id > $6
  and ($4::jsonb #>> '{dateRange,start}' is null or x.created_at >= ($4::jsonb #>> '{dateRange,start}')::timestamptz at time zone 'utc')
  and ($4::jsonb #>> '{dateRange,end}' is null or x.created_at < ($4::jsonb #>> '{dateRange,end}')::timestamptz at time zone 'utc'
       + case when length($4::jsonb #>> '{dateRange,end}') = 10 then interval '1 day' else interval '0' end)
    order by x.id limit $7::bigint
)
select export_rows($5, case when $6 = '' then (select row_to_json(h) from (select found.* from (select) one left join found on true limit 1) h) end,
                   $8::boolean, array_agg(j order by id) filter (where kept)), max(id), count(*), count(*) filter (where kept) from (
  select id, j, not exists (select from jsonb_each($4::jsonb -> 'filters') f where j::jsonb ? f.key and not f.value @> (j::jsonb -> f.key)) as kept
  from (select id, row_to_json(found) as j from found) page) chosen
