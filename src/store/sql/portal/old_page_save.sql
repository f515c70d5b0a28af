-- Saves a page under its name, new or not (the school is locked): $1 tenant filter, $2 the name, or null: the body's id. $3 the body, in the page
-- editor's words (pageTitle, pageDescription, layout) or the other editor's (id, name, sections, settings). $4 the versions of which one must still stand or
-- null (0: nobody has made it).
with asked as (
    select b, coalesce($2, b ->> 'id') as name, coalesce(b ->> 'pageTitle', b ->> 'name') as title,
           coalesce(b -> 'layout', case when b ? 'sections' then jsonb_build_object('sections', b -> 'sections', 'settings', coalesce(b -> 'settings', '{}')) end)
               as layout
    from (select $3::jsonb as b) body
), chosen as (
    select p.id, p.row_version from customizable_pages p, asked
    where p.establishment_id = current_setting('stacgate.establishment_id') and p.page_name = asked.name order by p.updated_at desc, p.id limit 1
), refusal as (
    select case when not exists (select from establishments where id = current_setting('stacgate.establishment_id') and id = coalesce($1, id))
                then 'not_found' when coalesce(name, '') = '' then 'invalid id required'
                when coalesce((select row_version from chosen), 0) <> all($4::bigint[]) then 'stale' end as word from asked
), new as (
    update customizable_pages x set page_title = coalesce(title, x.page_title), page_description = coalesce(b ->> 'pageDescription', x.page_description),
        layout = coalesce(asked.layout, x.layout), row_version = x.row_version + 1, updated_at = now() at time zone 'utc'
    from asked, refusal, chosen where x.id = chosen.id and word is null returning x
), made as (
    insert into customizable_pages (establishment_id, page_name, page_title, page_description, layout, created_at, updated_at)
    select current_setting('stacgate.establishment_id'), asked.name, coalesce(title, asked.name), b ->> 'pageDescription',
           coalesce(asked.layout, '{"sections": []}'), now() at time zone 'utc', now() at time zone 'utc'
    from asked, refusal where word is null and not exists (select from chosen) returning customizable_pages as x
)
select word, 200, (select answer(page_json(x), 200) from (select x from new union all select x from made) y), 1 from refusal
