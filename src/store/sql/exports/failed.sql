-- $1 tenant, $2 job, $3 why, for its owner.
update export_jobs e set status = 'failed', error = $3, completed_at = now() at time zone 'utc', updated_at = now() at time zone 'utc'
where e.id = $2 and e.establishment_id = $1 and e.status in ('pending', 'processing') returning export_json(e)
