-- The attempts of one assessment, newest first: all for its author and staff ($4), else one's own. $1 tenant filter, $2 caller,
-- $3 assessment, $5 the query (status, userId), $6 limit, $7 $8 cursor (time, id), $9 count wanted.
with one as (
    select a.*, coalesce(a.created_by = $2, false) or $4::boolean or exists (select from courses c where c.id = a.course_id and c.instructor_id = $2) as own
    from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id)
), visible as (
    select one.* from one where own or exists (select from assessment_attempts t where t.assessment_id = one.id and t.user_id = $2)
        or status = 'approved' and (is_public is not false and not exists (select from courses c where c.id = one.course_id and c.is_active is not true) or exists (
            select from user_courses e where e.course_id = one.course_id and e.user_id = $2 and e.status is distinct from 'dropped'))
), seen as not materialized (
    select t.id, coalesce(t.started_at, 'epoch'::timestamp) as at from visible one join assessment_attempts t on t.assessment_id = one.id
    where (own or t.user_id = $2) and ($5::jsonb ->> 'status' is null or t.status = $5::jsonb ->> 'status')
      and ($5::jsonb ->> 'learnerId' is null or t.user_id = $5::jsonb ->> 'learnerId')
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $7::text is null or (at, id) < ($7::timestamp, $8)
        order by at desc, id desc limit $6::bigint + 1) x
)
select coalesce(json_agg(attempt_json(t) order by place) filter (where place <= $6::bigint), '[]'),
       (select at || '|' || id from page where place = $6::bigint and exists (select from page where place > $6::bigint)),
       case when $9::boolean then (select count(*) from seen) end, exists (select from visible) and named_here($1, 'user', $5::jsonb ->> 'learnerId')
from page join assessment_attempts t using (id)
