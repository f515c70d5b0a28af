-- $1 tenant filter, $2 certificate, $3 the body (reason). Its holder hears of it, once.
with old as (
    select c.id, c.is_valid is not false as stood from certificates c
    where c.id = $2 and c.establishment_id = coalesce($1, c.establishment_id) for no key update
), new as (
    update certificates c set is_valid = false, revoked_at = coalesce(c.revoked_at, now() at time zone 'utc'),
        revoked_reason = coalesce($3::jsonb ->> 'reason', c.revoked_reason), updated_at = now() at time zone 'utc'
    from old where c.id = old.id returning c, old.stood
)
select null, 200, answer(certificate_json(c)), 0,
       (select json_agg(n) from notify((c).user_id, 'system_update', jsonb_build_object('certificateId', (c).id, 'courseId', (c).course_id),
            'Certificat retiré', 'Certificate revoked',
            'Votre certificat « ' || (c).title || ' » a été retiré : ' || (c).revoked_reason,
            'Your certificate "' || (c).title || '" was revoked: ' || (c).revoked_reason) n where stood and n is not null)
from new
