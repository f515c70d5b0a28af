-- A new text; a key is used once in a school (its row is locked): $1 tenant filter, $2 the body.
with refusal as (
    select case when not exists (select from establishments where id = current_setting('stacgate.establishment_id') and id = coalesce($1, id)) then 'not_found'
                when exists (select from customizable_contents c where c.establishment_id = current_setting('stacgate.establishment_id')
                             and c.block_key = b ->> 'blockKey') then 'key_taken' end as word
    from (select $2::jsonb as b) body
), made as (
    insert into customizable_contents (establishment_id, block_key, block_type, content, is_active, created_at, updated_at)
    select current_setting('stacgate.establishment_id'), b ->> 'blockKey', coalesce(b ->> 'blockType', 'text'), b ->> 'content', coalesce((b ->> 'isActive')::boolean, true),
           now() at time zone 'utc', now() at time zone 'utc'
    from (select $2::jsonb as b) body, refusal where word is null returning customizable_contents as x
)
select word, 201, (select answer(content_json(x)) from made), 1 from refusal
