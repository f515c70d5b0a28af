-- $1 tenant, $2 the body.
with refusal as (
    select case when not exists (select from establishments where id = current_setting('stacgate.establishment_id')
                                 and id = coalesce($1, id)) then 'not_found' end as word
), made as (
    insert into help_contents (id, establishment_id, title, content, category, role, tags, search_keywords, is_active, sort_order, language,
                               created_at, updated_at)
    select gen_random_uuid()::text, current_setting('stacgate.establishment_id'), b ->> 'title', b ->> 'content', b ->> 'category',
           nullif(b ->> 'role', 'all'), array(select jsonb_array_elements_text(case jsonb_typeof(b -> 'tags') when 'array' then b -> 'tags' else '[]' end)),
           array(select jsonb_array_elements_text(case jsonb_typeof(b -> 'searchKeywords') when 'array' then b -> 'searchKeywords' else '[]' end)),
           coalesce((b ->> 'isActive')::boolean, true), coalesce((b ->> 'sortOrder')::integer, 0), coalesce(b ->> 'language', 'fr'),
           now() at time zone 'utc', now() at time zone 'utc'
    from (select $2::jsonb as b) body, refusal where word is null returning help_contents as h
)
select word, 201, (select answer(help_json(h)) from made), 1 from refusal
