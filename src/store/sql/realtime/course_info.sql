-- A course as REST gives it, its instructor, and who is enrolled. $1 course id, $2 establishment.
select course_json(c), c.instructor_id,
       (select coalesce(jsonb_agg(distinct e.user_id), '[]') from user_courses e where e.course_id = c.id and e.status is distinct from 'dropped')
from courses c where c.id = $1 and c.establishment_id = coalesce($2, c.establishment_id)
