-- $1 hashes of cookies and API tokens. The living ones among them, with their people; scopes: of tokens, null for sessions.
select sid, user_id, coalesce(establishment_id, ''), role, email, coalesce(first_name, ''), coalesce(last_name, ''),
       coalesce(profile_image_url, ''), is_active, expire_ms, array_to_string(granted, ','), array_to_string(revoked, ','), null as scopes
from session_lookup($1::text[])
union all
select sid, user_id, coalesce(establishment_id, ''), role, email, coalesce(first_name, ''), coalesce(last_name, ''),
       coalesce(profile_image_url, ''), is_active, expire_ms, array_to_string(granted, ','), array_to_string(revoked, ','),
       array_to_string(scopes, ',')
from api_token_lookup($1::text[])
