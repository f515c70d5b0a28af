-- A certificate names its holder also when only one of their names is known; null when none is.
create or replace function certificate_verify(p_code text) returns json
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select json_build_object('valid', c.is_valid is not false and (c.expiry_date is null or c.expiry_date > now() at time zone 'utc'),
        'certificateNumber', c.certificate_number, 'title', c.title,
        'holder', nullif(concat_ws(' ', nullif(u.first_name, ''), nullif(u.last_name, '')), ''), 'establishment', e.name,
        'issueDate', iso8601(c.issue_date), 'expiryDate', iso8601(c.expiry_date), 'revokedAt', iso8601(c.revoked_at))
    from certificates c join users u on u.id = c.user_id join establishments e on e.id = c.establishment_id
    where c.verification_code = p_code and length(p_code) >= 8
$$;
