-- The enrolments of a course, newest first, for its instructor and staff. $1 tenant filter, $2 caller, $3 course, $4 staff, $5 the query
-- (status, sessionId), $6 who sees all, $7 limit, $8 $9 cursor (time, id), $10 count wanted.
with seen as not materialized (
    select e.id, coalesce(e.enrolled_at, 'epoch'::timestamp) as at from courses c join user_courses e on e.course_id = c.id
    where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id) and (c.instructor_id = $2 or $4::boolean)
      and case when $5::jsonb ? 'status' then e.status = $5::jsonb ->> 'status' else e.status is distinct from 'dropped' end
      and ($5::jsonb ->> 'sessionId' is null or e.session_id = $5::jsonb ->> 'sessionId')
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $8::text is null or (at, id) < ($8::timestamp, $9) order by at desc, id desc limit $7::bigint + 1) x
)
select coalesce(json_agg(enrollment_json(e)::jsonb || jsonb_build_object('user', jsonb_build_object('id', u.id, 'firstName', u.first_name,
           'lastName', u.last_name, 'email', u.email, 'profileImageUrl', u.profile_image_url)) order by place) filter (where place <= $7::bigint), '[]'),
       (select at || '|' || id from page where place = $7::bigint and exists (select from page where place > $7::bigint)),
       case when $10::boolean then (select count(*) from seen) end,
       exists (select from courses c where c.id = $3 and c.establishment_id = coalesce($1, c.establishment_id) and course_seen(c, $2, $6))
           and named_here($1, 'training_session', $5::jsonb ->> 'sessionId'),
       case when not exists (select from courses c where c.id = $3 and (c.instructor_id = $2 or $4::boolean)) then 'forbidden' end
from page join user_courses e using (id) left join users u on u.id = e.user_id
