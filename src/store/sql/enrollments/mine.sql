-- The caller's courses, the latest enrolment first, with what a card of each shows; without those that were dropped, unless asked for. $1 tenant
-- filter, $2 caller, $3 the query (status), $4 limit, $5 $6 cursor (time, id), $7 count wanted.
with seen as not materialized (
    select e.id, coalesce(e.enrolled_at, 'epoch'::timestamp) as at from user_courses e
    where e.user_id = $2 and e.establishment_id = coalesce($1, e.establishment_id)
      and case when $3::jsonb ? 'status' then e.status = $3::jsonb ->> 'status' else e.status is distinct from 'dropped' end
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $5::text is null or (at, id) < ($5::timestamp, $6) order by at desc, id desc limit $4::bigint + 1) x
)
select coalesce(json_agg(enrollment_json(e)::jsonb || jsonb_build_object('course', jsonb_build_object('id', c.id, 'title', c.title,
           'shortDescription', c.short_description, 'category', c.category, 'type', c.type, 'level', c.level, 'imageUrl', c.image_url,
           'thumbnailUrl', c.thumbnail_url, 'instructorId', c.instructor_id, 'isActive', coalesce(c.is_active, false))) order by place)
           filter (where place <= $4::bigint), '[]'),
       (select at || '|' || id from page where place = $4::bigint and exists (select from page where place > $4::bigint)),
       case when $7::boolean then (select count(*) from seen) end
from page join user_courses e using (id) join courses c on c.id = e.course_id
