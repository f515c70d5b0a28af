-- $1 caller: every type and whether they want it in the application; what was never chosen is wanted. The version moves with every choice.
select null, 200, json_agg(json_build_object('type', t.type, 'medium', 'app', 'enabled', coalesce(p.enabled, true)) order by t.type),
       coalesce(sum(p.row_version), 0)::bigint
from unnest(enum_range(null::notification_type)) as t (type)
left join notification_preferences p on p.user_id = $1 and p.type = t.type and p.medium = 'app'
