-- Whether one may know that a thing of one's school is there: what may be known and not be used is 403, what may not be known of is 404, and
-- every statement about the thing asks here. `staff`: whether the caller sees all of its kind.
--
-- group_seen(group, caller, staff)           public ones, one's own, those one is invited to
-- course_entered(course id, caller)          is enrolled, and did not leave
-- course_seen(course, caller, staff)         open ones, one's own, those one is in
-- assessment_open(assessment, caller)        approved, and for everybody or for who is in its course
-- assessment_seen(assessment, caller, staff) one's own and one's course's, those open to one, what one took
-- person_seen(caller, person)                who shares a group or a course, learners and their teachers
create function group_seen(g study_groups, p_caller text, p_staff boolean) returns boolean language sql stable as $$
    select coalesce(p_staff, false) or g.is_public is not false
        or exists (select from study_group_members m where m.study_group_id = g.id and m.user_id = p_caller and m.is_active)
        or stacgate_invited(g.id, p_caller)
$$;

create function course_entered(p_course text, p_caller text) returns boolean language sql stable as $$
    select exists (select from user_courses e where e.course_id = p_course and e.user_id = p_caller and e.status is distinct from 'dropped')
$$;

create function course_seen(c courses, p_caller text, p_staff boolean) returns boolean language sql stable as $$
    select coalesce(p_staff, false) or coalesce(c.is_active, false) or coalesce(c.instructor_id = p_caller, false) or course_entered(c.id, p_caller)
$$;

create function assessment_open(a assessments, p_caller text) returns boolean language sql stable as $$
    select coalesce(a.status = 'approved', false) and (course_entered(a.course_id, p_caller)
        or a.is_public is not false and not exists (select from courses c where c.id = a.course_id and c.is_active is not true))
$$;

create function assessment_seen(a assessments, p_caller text, p_staff boolean) returns boolean language sql stable as $$
    select coalesce(p_staff, false) or coalesce(a.created_by = p_caller, false)
        or exists (select from courses c where c.id = a.course_id and c.instructor_id = p_caller)
        or assessment_open(a, p_caller)
        or exists (select from assessment_attempts t where t.assessment_id = a.id and t.user_id = p_caller)
$$;

create function person_seen(p_caller text, p_person text) returns boolean language sql stable as $$
    select p_caller = p_person
        or exists (select from study_group_members a join study_group_members b using (study_group_id)
                   where a.user_id = p_caller and b.user_id = p_person and a.is_active and b.is_active)
        or exists (select from user_courses a join user_courses b using (course_id)
                   where a.user_id = p_caller and b.user_id = p_person and a.status is distinct from 'dropped' and b.status is distinct from 'dropped')
        or exists (select from user_courses e join courses c on c.id = e.course_id
                   where e.status is distinct from 'dropped'
                     and (e.user_id = p_caller and c.instructor_id = p_person or e.user_id = p_person and c.instructor_id = p_caller))
$$;
