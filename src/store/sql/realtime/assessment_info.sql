-- Who may be at an assessment, as over REST: everybody (it is approved and open, and so is its course), and [the enrolled of its course when it is
-- approved and not everybody's, its author and the course's instructor]. $1 assessment id, $2 establishment.
select open, jsonb_build_array(
           (select coalesce(jsonb_agg(distinct e.user_id), '[]') from user_courses e
            where e.course_id = a.course_id and e.status is distinct from 'dropped' and a.status = 'approved' and not open),
           jsonb_build_array(a.created_by, (select c.instructor_id from courses c where c.id = a.course_id)))
from assessments a
cross join lateral (select a.status = 'approved' and a.is_public is not false
                           and not exists (select from courses c where c.id = a.course_id and c.is_active is not true) as open) x
where a.id = $1 and a.establishment_id = coalesce($2, a.establishment_id)
