-- $1 tenant filter, $2 caller, $3 job: what its owner may download. A refusal, the file's name on disk, the name it is saved under, type.
select case when e.status in ('pending', 'processing', 'failed') then 'conflict'
            when e.file_path is null or e.expires_at <= now() at time zone 'utc' then 'gone' end, e.id || '.' || e.type, e.filename, e.type
from export_jobs e where e.id = $3 and e.user_id = $2 and e.establishment_id = coalesce($1, e.establishment_id) and e.type in ('csv', 'json')
