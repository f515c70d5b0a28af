-- A new component: $1 tenant filter, $2 the body.
with refusal as (
    select case when not exists (select from establishments where id = current_setting('stacgate.establishment_id') and id = coalesce($1, id)) then 'not_found' end as word
    from (select $2::jsonb as b) body
), made as (
    insert into page_components (establishment_id, component_name, component_type, component_data, is_active, created_at, updated_at)
    select current_setting('stacgate.establishment_id'), b ->> 'componentName', b ->> 'componentType', coalesce(b -> 'componentData', '{}'),
           coalesce((b ->> 'isActive')::boolean, true), now() at time zone 'utc', now() at time zone 'utc'
    from (select $2::jsonb as b) body, refusal where word is null returning page_components as x
)
select word, 201, (select answer(component_json(x)) from made), 1 from refusal
