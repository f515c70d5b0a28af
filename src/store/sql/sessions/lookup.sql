-- $1 sids. The living sessions among them, with their people.
select sid, user_id, coalesce(establishment_id, ''), role, email, coalesce(first_name, ''), coalesce(last_name, ''),
       coalesce(profile_image_url, ''), is_active, expire_ms, array_to_string(granted, ','), array_to_string(revoked, ',')
from session_lookup($1::text[])
