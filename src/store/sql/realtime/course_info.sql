-- A course as REST gives it, and who belongs to it: [the enrolled, its instructor]. $1 course id, $2 establishment.
select course_json(c), jsonb_build_array(
           (select coalesce(jsonb_agg(distinct e.user_id), '[]') from user_courses e where e.course_id = c.id and e.status is distinct from 'dropped'),
           jsonb_build_array(c.instructor_id))
from courses c where c.id = $1 and c.establishment_id = coalesce($2, c.establishment_id)
