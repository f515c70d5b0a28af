-- Orders the menu: $1 tenant filter, $2 the body (ids, each once; the others follow in the order they had). The school is locked.
with wanted as (
    select id, place from jsonb_array_elements_text($2::jsonb -> 'ids') with ordinality as t (id, place)
), own as (
    select m.id, coalesce(m.sort_order, 0) as was from menu_items m where m.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
), refusal as (
    select case when exists (select from wanted w where not exists (select from own o where o.id = w.id)) then 'not_found'
                when (select count(distinct id) from wanted) <> (select count(*) from wanted) then 'invalid ids repeated' end as word
), places as (
    select o.id, row_number() over (order by w.place nulls last, o.was, o.id) as place from own o left join wanted w using (id)
), moved as (
    update menu_items m set sort_order = p.place, row_version = m.row_version + 1, updated_at = now() at time zone 'utc'
    from places p, refusal where m.id = p.id and word is null returning m
)
select word, 200, (select coalesce(json_agg(menu_item_json(m) order by (m).sort_order), '[]') from moved) from refusal
