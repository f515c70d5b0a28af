-- $1 tenant filter, $2 caller, $3 job, $4 staff.
select null, 200, export_json(e), e.row_version from export_jobs e
where e.id = $3 and e.establishment_id = coalesce($1, e.establishment_id) and (e.user_id = $2 or $4::boolean)
