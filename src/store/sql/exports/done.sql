-- $1 tenant, $2 job, $3 bytes, $4 rows, $5 how long the file is kept, in seconds. No row: it was cancelled.
update export_jobs e set status = 'completed', progress = 100, bytes = $3::bigint, file_size = least($3::bigint, 2147483647), row_count = $4::bigint,
    file_path = e.id || '.' || e.type, download_url = '/api/exports/' || e.id || '/download', completed_at = now() at time zone 'utc',
    expires_at = now() at time zone 'utc' + $5::bigint * interval '1 second', updated_at = now() at time zone 'utc'
where e.id = $2 and e.establishment_id = $1 and e.status = 'processing' returning export_json(e)
