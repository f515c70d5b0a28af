-- $1 hashes of cookies and API tokens. The living ones among them, with their people; scopes: of tokens, null for sessions.
-- $2 hashes ("": none was shown), $3 kinds, $4 ids, of one length: what is asked about with them. places: the school of each thing that was
-- asked about with this hash, in that order, "" where there is none: to a super_admin of no school and, in rows without a person, to nobody.
with known as materialized (
    select sid, user_id, coalesce(establishment_id, '') as establishment_id, role, email, coalesce(first_name, ''), coalesce(last_name, ''),
           coalesce(profile_image_url, ''), is_active, expire_ms, array_to_string(granted, ','), array_to_string(revoked, ','), null as scopes
    from session_lookup($1::text[])
    union all
    select sid, user_id, coalesce(establishment_id, ''), role, email, coalesce(first_name, ''), coalesce(last_name, ''),
           coalesce(profile_image_url, ''), is_active, expire_ms, array_to_string(granted, ','), array_to_string(revoked, ','),
           array_to_string(scopes, ',')
    from api_token_lookup($1::text[])
), asked as materialized (
    select * from unnest($2::text[], $3::text[], $4::text[]) with ordinality as a (sid, kind, id, n)
)
select k.*, (select string_agg(coalesce(stacgate_place_of(k.user_id, a.kind, a.id), ''), ',' order by a.n) from asked a
             where k.role = 'super_admin' and k.establishment_id = '' and a.sid = k.sid) as places
from known k
union all
select a.sid, null, '', null, null, '', '', '', false, null, '', '', null,
       string_agg(coalesce(stacgate_place_of(null, a.kind, a.id), ''), ',' order by a.n)
from asked a where not exists (select from known k where k.sid = a.sid and k.is_active) group by a.sid
