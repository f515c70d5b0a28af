-- $1 tenant, $2 job, $3 percent, $4 rows so far. No row: it was cancelled.
update export_jobs e set progress = $3::integer, row_count = $4::bigint, updated_at = now() at time zone 'utc'
where e.id = $2 and e.establishment_id = $1 and e.status = 'processing' returning export_json(e)
