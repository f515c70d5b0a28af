-- A new section of a page (the school is locked): $1 tenant filter, $2 the page, $3 the body. Without a place it comes last; a page has at most 100.
with page as (
    select p.* from customizable_pages p where p.id = $2 and p.establishment_id = coalesce($1, p.establishment_id) for no key update
), refusal as (
    select case when (select count(*) from page_sections s where s.page_id = $2) >= 100 then 'page_full' end as word from page
), made as (
    insert into page_sections (page_id, establishment_id, section_type, section_order, components, section_styles, is_active, created_at, updated_at)
    select page.id, establishment_id, b ->> 'sectionType', coalesce((b ->> 'sectionOrder')::integer,
               (select least(coalesce(max(section_order), 0)::bigint + 1, 1000000) from page_sections s where s.page_id = $2)),
           coalesce(b -> 'components', '[]'), b -> 'sectionStyles', coalesce((b ->> 'isActive')::boolean, true), now() at time zone 'utc', now() at time zone 'utc'
    from page, refusal, (select $3::jsonb as b) body where word is null returning page_sections as x
)
select word, 201, (select answer(section_json(x)) from made), 1 from refusal
