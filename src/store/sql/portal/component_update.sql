-- Changes a component: $1 tenant filter, $2 its id, $3 the body, $4 the versions of which one must still stand or null.
with old as (
    select x.* from page_components x where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($4::bigint[]) then 'stale' end as word from old
), new as (
    update page_components x set component_name = coalesce(b ->> 'componentName', x.component_name),
        component_type = coalesce(b ->> 'componentType', x.component_type),
        component_data = coalesce(b -> 'componentData', x.component_data),
        is_active = coalesce((b ->> 'isActive')::boolean, x.is_active), row_version = x.row_version + 1,
        updated_at = now() at time zone 'utc'
    from (select $3::jsonb as b) body, refusal where x.id = $2 and word is null returning x
)
select word, 200, (select component_json(x) from new), (select (x).row_version from new) from refusal
