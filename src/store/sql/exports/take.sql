-- $1 tenant, $2 job: begins (again). Its type, its config, its owner, whether they are staff.
with taken as (
    update export_jobs e set status = 'processing', progress = 0, row_count = 0, started_at = coalesce(e.started_at, now() at time zone 'utc'),
        updated_at = now() at time zone 'utc'
    where e.id = $2 and e.establishment_id = $1 and e.status in ('pending', 'processing') returning e.*
)
select type, coalesce(config, '{}'), user_id, person_is_staff(user_id, $1) from taken
