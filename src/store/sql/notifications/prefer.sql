-- $1 tenant filter, $2 caller, $3 the body (preferences: [{type, enabled}], checked).
with asked as (
    select p ->> 'type' as type, (p ->> 'enabled')::boolean as enabled from jsonb_array_elements($3::jsonb -> 'preferences') p
), done as (
    insert into notification_preferences as x (user_id, establishment_id, type, medium, enabled)
    select distinct on (type) $2, current_setting('stacgate.establishment_id'), type::notification_type, 'app', enabled from asked
    where $1::text is null or $1 <> ''
    on conflict (user_id, type, medium) do update set enabled = excluded.enabled returning x.type, x.enabled
)
select null, 200, json_agg(json_build_object('type', t.type, 'medium', 'app', 'enabled', coalesce(d.enabled, p.enabled, true)) order by t.type)
from unnest(enum_range(null::notification_type)) as t (type)
left join done d on d.type = t.type
left join notification_preferences p on p.user_id = $2 and p.type = t.type and p.medium = 'app'
