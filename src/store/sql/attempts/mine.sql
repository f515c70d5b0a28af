-- The caller's attempts, newest first. $1 tenant filter, $2 caller, $3 the query (assessmentId, status), $4 limit, $5 $6 cursor (time, id),
-- $7 count wanted.
with seen as not materialized (
    select t.id, coalesce(t.started_at, 'epoch'::timestamp) as at from assessment_attempts t
    where t.user_id = $2 and t.establishment_id = coalesce($1, t.establishment_id)
      and ($3::jsonb ->> 'assessmentId' is null or t.assessment_id = $3::jsonb ->> 'assessmentId')
      and ($3::jsonb ->> 'status' is null or t.status = $3::jsonb ->> 'status')
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $5::text is null or (at, id) < ($5::timestamp, $6)
        order by at desc, id desc limit $4::bigint + 1) x
)
select coalesce(json_agg(attempt_with_assessment(t) order by place) filter (where place <= $4::bigint), '[]'),
       (select at || '|' || id from page where place = $4::bigint and exists (select from page where place > $4::bigint)),
       case when $7::boolean then (select count(*) from seen) end, named_here($1, 'assessment', $3::jsonb ->> 'assessmentId')
from page join assessment_attempts t using (id)
