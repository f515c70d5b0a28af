-- Changes a page: $1 tenant filter, $2 its id, $3 the body, $4 the versions of which one must still stand or null.
with old as (
    select x.* from customizable_pages x where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($4::bigint[]) then 'stale'
                when exists (select from customizable_pages p where p.establishment_id = old.establishment_id and p.id <> old.id
                             and p.page_name = $3::jsonb ->> 'pageName') then 'key_taken' end as word from old
), new as (
    update customizable_pages x set page_name = coalesce(b ->> 'pageName', x.page_name), page_title = coalesce(b ->> 'pageTitle', x.page_title),
        page_description = coalesce(b ->> 'pageDescription', x.page_description), layout = coalesce(b -> 'layout', x.layout),
        is_active = coalesce((b ->> 'isActive')::boolean, x.is_active), row_version = x.row_version + 1,
        updated_at = now() at time zone 'utc'
    from (select $3::jsonb as b) body, refusal where x.id = $2 and word is null returning x
)
select word, 200, (select page_json(x) from new), (select (x).row_version from new) from refusal
