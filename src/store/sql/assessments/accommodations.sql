-- The accommodations of an assessment, the latest first, for its author, its course's instructor and staff. $1 tenant filter, $2 caller,
-- $3 assessment, $4 staff, $5 who sees all, $6 limit, $7 $8 cursor (time, learner), $9 count wanted. The fourth column: whether the
-- caller sees the assessment; the fifth: why not these.
with one as (
    select a.id, assessment_seen(a, $2, $5) as seen,
           coalesce(a.created_by = $2, false) or $4::boolean or exists (select from courses c where c.id = a.course_id and c.instructor_id = $2) as own
    from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id)
), seen as not materialized (
    select x.user_id as id, x.at from one join assessment_accommodations x on x.assessment_id = one.id where own
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $7::text is null or (at, id) < ($7::timestamp, $8) order by at desc, id desc limit $6::bigint + 1) x
)
select coalesce(json_agg(json_build_object('assessmentId', x.assessment_id, 'learnerId', x.user_id, 'extraTime', x.extra_time,
           'extraAttempts', x.extra_attempts, 'dueDate', iso8601(x.due_date), 'reason', x.reason, 'grantedBy', x.granted_by, 'grantedAt', iso8601(x.at),
           'learner', json_build_object('id', u.id, 'firstName', u.first_name, 'lastName', u.last_name)) order by place)
           filter (where place <= $6::bigint), '[]'),
       (select at || '|' || id from page where place = $6::bigint and exists (select from page where place > $6::bigint)),
       case when $9::boolean then (select count(*) from seen) end, (select seen from one),
       (select 'forbidden' from one where not own)
from page join assessment_accommodations x on x.assessment_id = (select id from one) and x.user_id = page.id left join users u on u.id = page.id
