-- Attempts: all for staff, those at one's own assessments. $1 tenant, $2 owner, $3 staff, $4 config (rows whose fields are what its filters say), $5 type, $6 the last id of the page before (""), $7 most rows, $8 whether the
-- file has none yet. The page as text, its last id, how many rows it went through, how many of them it kept.
select export_rows($5, $8::boolean, array_agg(j order by id) filter (where kept)), max(id), count(*), count(*) filter (where kept) from (
  select id, j, not exists (select from jsonb_each($4::jsonb -> 'filters') f where j::jsonb ? f.key and not f.value @> (j::jsonb -> f.key)) as kept from (
    select x.id, json_build_object('id', x.id, 'assessmentId', x.assessment_id, 'assessment', a.title, 'userId', x.user_id, 'email', u.email, 'status', x.status,
               'score', x.score, 'maxScore', x.max_score, 'timeSpent', x.time_spent, 'startedAt', iso8601(x.started_at),
               'submittedAt', iso8601(x.submitted_at), 'gradedAt', iso8601(x.graded_at)) as j
    from assessment_attempts x join assessments a on a.id = x.assessment_id left join users u on u.id = x.user_id
    where x.establishment_id = $1 and ($3::boolean or a.created_by = $2) and x.id > $6
  and ($4::jsonb #>> '{dateRange,start}' is null or x.started_at >= ($4::jsonb #>> '{dateRange,start}')::timestamptz at time zone 'utc')
  and ($4::jsonb #>> '{dateRange,end}' is null or x.started_at < ($4::jsonb #>> '{dateRange,end}')::timestamptz at time zone 'utc'
       + case when length($4::jsonb #>> '{dateRange,end}') = 10 then interval '1 day' else interval '0' end)
    order by x.id limit $7::bigint) found) page
