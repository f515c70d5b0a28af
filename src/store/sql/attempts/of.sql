-- The attempts of one assessment, newest first: all for its author and staff ($4), else one's own. $1 tenant filter, $2 caller,
-- $3 assessment, $5 the query (status, userId), $6 who sees all, $7 limit, $8 $9 cursor (time, id),
-- $10 count wanted.
with one as (
    select a.*, coalesce(a.created_by = $2, false) or $4::boolean or exists (select from courses c where c.id = a.course_id and c.instructor_id = $2) as own,
           assessment_seen(a, $2, $6) as seen
    from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id)
), visible as (
    select one.* from one where seen
), seen as not materialized (
    select t.id, coalesce(t.started_at, 'epoch'::timestamp) as at from visible one join assessment_attempts t on t.assessment_id = one.id
    where (own or t.user_id = $2) and ($5::jsonb ->> 'status' is null or t.status = $5::jsonb ->> 'status')
      and ($5::jsonb ->> 'learnerId' is null or t.user_id = $5::jsonb ->> 'learnerId')
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $8::text is null or (at, id) < ($8::timestamp, $9)
        order by at desc, id desc limit $7::bigint + 1) x
)
select coalesce(json_agg(attempt_json(t) order by place) filter (where place <= $7::bigint), '[]'),
       (select at || '|' || id from page where place = $7::bigint and exists (select from page where place > $7::bigint)),
       case when $10::boolean then (select count(*) from seen) end, exists (select from visible) and named_here($1, 'user', $5::jsonb ->> 'learnerId')
from page join assessment_attempts t using (id)
