-- One assessment: whole for its author and staff, without questions for takers, no more for who took it when it was open to them. $1 tenant filter, $2 caller, $3 assessment, $4 staff.
with one as (
    select a as row, assessment_seen(a, $2, $4) as seen, coalesce(a.created_by = $2, false) or $4::boolean or exists (select from courses c where c.id = a.course_id and c.instructor_id = $2) as own
    from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id)
)
select case when not (own or assessment_open(row, $2)) then 'forbidden' end, 200, case when own then assessment_full(row) else assessment_json(row)::jsonb::json end, (row).row_version from one
where seen
