-- $1 tenant filter, $2 certificate, $3 the body (reason).
with new as (
    update certificates c set is_valid = false, revoked_at = coalesce(c.revoked_at, now() at time zone 'utc'),
        revoked_reason = coalesce($3::jsonb ->> 'reason', c.revoked_reason), updated_at = now() at time zone 'utc'
    where c.id = $2 and c.establishment_id = coalesce($1, c.establishment_id) returning c
)
select null, 200, answer(certificate_json(c)) from new
