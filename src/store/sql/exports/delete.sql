-- $1 tenant filter, $2 caller, $3 job, $4 staff: gone, whatever it was doing; the exporter notices at its next page.
with gone as (
    delete from export_jobs e where e.id = $3 and e.establishment_id = coalesce($1, e.establishment_id) and (e.user_id = $2 or $4::boolean) returning e.*
)
select null, 200, json_build_object('id', id, 'deleted', true, 'cancelled', status in ('pending', 'processing')), id || '.' || type from gone
