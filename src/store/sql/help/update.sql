-- $1 tenant filter, $2 text, $3 the body, $4 the versions of which one must still stand or null.
with old as (
    select h.* from help_contents h where h.id = $2 and h.establishment_id = coalesce($1, h.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($4::bigint[]) then 'stale' end as word from old
), new as (
    update help_contents h set title = coalesce(b ->> 'title', h.title), content = coalesce(b ->> 'content', h.content),
        category = coalesce(b ->> 'category', h.category),
        role = case when b ->> 'role' = 'all' then null else coalesce(b ->> 'role', h.role) end,
        tags = case jsonb_typeof(b -> 'tags') when 'array' then array(select jsonb_array_elements_text(b -> 'tags')) else h.tags end,
        search_keywords = case jsonb_typeof(b -> 'searchKeywords') when 'array'
            then array(select jsonb_array_elements_text(b -> 'searchKeywords')) else h.search_keywords end,
        is_active = coalesce((b ->> 'isActive')::boolean, h.is_active), sort_order = coalesce((b ->> 'sortOrder')::integer, h.sort_order),
        language = coalesce(b ->> 'language', h.language), row_version = h.row_version + 1, updated_at = now() at time zone 'utc'
    from (select $3::jsonb as b) body, refusal where h.id = $2 and word is null returning h
)
select word, 200, (select help_json(h) from new), (select (h).row_version from new) from refusal
