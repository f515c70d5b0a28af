-- One assessment: whole for its author and staff, without questions for takers. $1 tenant filter, $2 caller, $3 assessment, $4 staff.
with one as (
    select a as row, coalesce(a.created_by = $2, false) or $4::boolean or exists (select from courses c where c.id = a.course_id and c.instructor_id = $2) as own
    from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id)
)
select null, 200, case when own then assessment_full(row) else assessment_json(row)::jsonb::json end, (row).row_version from one
where own or (row).status = 'approved' and ((row).is_public is not false and not exists (select from courses c where c.id = (row).course_id and c.is_active is not true) or exists (
    select from user_courses e where e.course_id = (row).course_id and e.user_id = $2 and e.status is distinct from 'dropped'))
