-- Changes an entry of the menu (the school is locked). Its parent stands at the top itself, and nothing below it: $1 tenant filter, $2 its id, $3 the body, $4 the versions of which one must still stand or null.
with old as (
    select x.* from menu_items x where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($4::bigint[]) then 'stale'
                when $3::jsonb ->> 'parentId' is not null and (not exists (select from menu_items m where m.id = $3::jsonb ->> 'parentId'
                     and m.parent_id is null and m.id <> old.id and m.establishment_id = old.establishment_id)) then 'not_found'
                when $3::jsonb ->> 'parentId' is not null and exists (select from menu_items m where m.parent_id = old.id
                     and m.establishment_id = old.establishment_id) then 'menu_depth' end as word from old
), new as (
    update menu_items x set label = coalesce(b ->> 'label', x.label), url = coalesce(b ->> 'url', x.url), icon = case when b ? 'icon' then b ->> 'icon' else x.icon end,
        parent_id = case when b ? 'parentId' then b ->> 'parentId' else x.parent_id end, sort_order = coalesce((b ->> 'sortOrder')::integer, x.sort_order),
        is_active = coalesce((b ->> 'isActive')::boolean, x.is_active), permissions = coalesce(b -> 'permissions', x.permissions),
        row_version = x.row_version + 1, updated_at = now() at time zone 'utc'
    from (select $3::jsonb as b) body, refusal where x.id = $2 and word is null returning x
)
select word, 200, (select menu_item_json(x) from new), (select (x).row_version from new) from refusal
