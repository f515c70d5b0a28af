-- Changes a text: $1 tenant filter, $2 its id, $3 the body, $4 the versions of which one must still stand or null.
with old as (
    select x.* from customizable_contents x where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($4::bigint[]) then 'stale'
                when exists (select from customizable_contents c where c.establishment_id = old.establishment_id and c.id <> old.id
                             and c.block_key = $3::jsonb ->> 'blockKey') then 'key_taken' end as word from old
), new as (
    update customizable_contents x set block_key = coalesce(b ->> 'blockKey', x.block_key), block_type = coalesce(b ->> 'blockType', x.block_type),
        content = coalesce(b ->> 'content', x.content), is_active = coalesce((b ->> 'isActive')::boolean, x.is_active),
        row_version = x.row_version + 1, updated_at = now() at time zone 'utc'
    from (select $3::jsonb as b) body, refusal where x.id = $2 and word is null returning x
)
select word, 200, (select content_json(x) from new), (select (x).row_version from new) from refusal
