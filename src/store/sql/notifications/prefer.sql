-- $1 tenant filter, $2 caller (locked), $3 the body (preferences: [{type, enabled}], checked), $4 the versions of which one must still stand or
-- null: preferences.sql's.
with asked as (
    select p ->> 'type' as type, (p ->> 'enabled')::boolean as enabled from jsonb_array_elements($3::jsonb -> 'preferences') p
), refusal as (
    select case when coalesce(sum(row_version), 0) <> all($4::bigint[]) then 'stale' end as word
    from notification_preferences where user_id = $2 and medium = 'app'
), done as (
    insert into notification_preferences as x (user_id, establishment_id, type, medium, enabled)
    select distinct on (type) $2, current_setting('stacgate.establishment_id'), type::notification_type, 'app', enabled from asked, refusal
    where word is null and ($1::text is null or $1 <> '')
    on conflict (user_id, type, medium) do update set enabled = excluded.enabled, row_version = x.row_version + 1 returning x.type, x.enabled
)
select word, 200, json_agg(json_build_object('type', t.type, 'medium', 'app', 'enabled', coalesce(d.enabled, p.enabled, true)) order by t.type)
from refusal, unnest(enum_range(null::notification_type)) as t (type)
left join done d on d.type = t.type
left join notification_preferences p on p.user_id = $2 and p.type = t.type and p.medium = 'app'
group by word
