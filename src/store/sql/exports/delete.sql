-- $1 tenant filter, $2 caller, $3 job, $4 staff, $5 the versions of which one must still stand or null: gone, whatever it was doing; the
-- exporter notices at its next page.
with old as (
    select e.* from export_jobs e where e.id = $3 and e.establishment_id = coalesce($1, e.establishment_id) and (e.user_id = $2 or $4::boolean)
    for no key update
), refusal as (
    select case when row_version <> all($5::bigint[]) then 'stale' end as word from old
), gone as (
    delete from export_jobs e using refusal where e.id = $3 and word is null returning e.*
)
select word, 200, (select json_build_object('id', id, 'deleted', true, 'cancelled', status in ('pending', 'processing')) from gone),
       (select id || '.' || type from gone)
from refusal
