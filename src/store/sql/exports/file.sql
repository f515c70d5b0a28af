-- $1 tenant filter, $2 caller, $3 job, $4 staff (who see that it is there), $5 it is downloaded, not only looked at: what its owner may download. A refusal, the file's name on disk, the name it is saved under, type;
-- the download is an act that the audit log keeps.
select word, id || '.' || type, filename, type, case when word is null and $5::boolean then audit_own('export.downloaded', 'export', id, null) end from (
select case when e.user_id <> $2 then 'forbidden' when e.status in ('pending', 'processing', 'failed') then 'conflict'
            when e.file_path is null or e.expires_at <= now() at time zone 'utc' then 'gone' end as word, e.id, e.filename, e.type
from export_jobs e where e.id = $3 and (e.user_id = $2 or $4::boolean) and e.establishment_id = coalesce($1, e.establishment_id) and e.type in ('csv', 'json')) job
