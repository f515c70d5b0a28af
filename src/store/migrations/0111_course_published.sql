-- course_published(course, by) -> json      whom to tell that it is open to learners: its instructor, unless that is who opened it; null: nobody
create function course_published(c courses, p_by text) returns json language sql volatile as $$
    select notify(c.instructor_id, 'course_published', jsonb_build_object('courseId', c.id), 'Cours publié', 'Course published',
        '« ' || c.title || ' » est ouvert aux apprenants.', '"' || c.title || '" is open to learners.') where c.instructor_id <> p_by
$$;
