-- A new entry of the menu (the school is locked); its parent stands at the top itself: $1 tenant filter, $2 the body.
with refusal as (
    select case when not exists (select from establishments where id = current_setting('stacgate.establishment_id') and id = coalesce($1, id)) then 'not_found'
                when b ->> 'parentId' is not null and not exists (select from menu_items m where m.id = b ->> 'parentId' and m.parent_id is null
                     and m.establishment_id = current_setting('stacgate.establishment_id')) then 'not_found' end as word
    from (select $2::jsonb as b) body
), made as (
    insert into menu_items (establishment_id, label, url, icon, parent_id, sort_order, is_active, permissions, created_at, updated_at)
    select current_setting('stacgate.establishment_id'), b ->> 'label', b ->> 'url', b ->> 'icon', b ->> 'parentId',
           coalesce((b ->> 'sortOrder')::integer, (b ->> 'order')::integer, (select least(coalesce(max(sort_order), 0)::bigint + 1, 1000000) from menu_items m
               where m.establishment_id = current_setting('stacgate.establishment_id'))),
           coalesce((b ->> 'isActive')::boolean, true), coalesce(b -> 'permissions', '[]'), now() at time zone 'utc',
           now() at time zone 'utc'
    from (select $2::jsonb as b) body, refusal where word is null returning menu_items as x
)
select word, 201, (select answer(menu_item_json(x)) from made), 1 from refusal
