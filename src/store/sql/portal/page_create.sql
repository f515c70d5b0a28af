-- A new page; a name is used once in a school (its row is locked): $1 tenant filter, $2 the body.
with refusal as (
    select case when not exists (select from establishments where id = current_setting('stacgate.establishment_id') and id = coalesce($1, id)) then 'not_found'
                when exists (select from customizable_pages p where p.establishment_id = current_setting('stacgate.establishment_id')
                             and p.page_name = b ->> 'pageName') then 'key_taken' end as word
    from (select $2::jsonb as b) body
), made as (
    insert into customizable_pages (establishment_id, page_name, page_title, page_description, layout, is_active, created_at, updated_at)
    select current_setting('stacgate.establishment_id'), b ->> 'pageName', b ->> 'pageTitle', b ->> 'pageDescription', coalesce(b -> 'layout', '{"sections": []}'),
           coalesce((b ->> 'isActive')::boolean, true), now() at time zone 'utc', now() at time zone 'utc'
    from (select $2::jsonb as b) body, refusal where word is null returning customizable_pages as x
)
select word, 201, (select answer(page_json(x)) from made), 1 from refusal
