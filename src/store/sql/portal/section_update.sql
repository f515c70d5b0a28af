-- Changes a section: $1 tenant filter, $2 its id, $3 the body, $4 the versions of which one must still stand or null.
with old as (
    select x.* from page_sections x where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($4::bigint[]) then 'stale' end as word from old
), new as (
    update page_sections x set section_type = coalesce(b ->> 'sectionType', x.section_type),
        section_order = coalesce((b ->> 'sectionOrder')::integer, x.section_order),
        components = coalesce(b -> 'components', x.components), section_styles = coalesce(b -> 'sectionStyles', x.section_styles),
        is_active = coalesce((b ->> 'isActive')::boolean, x.is_active), row_version = x.row_version + 1,
        updated_at = now() at time zone 'utc'
    from (select $3::jsonb as b) body, refusal where x.id = $2 and word is null returning x
)
select word, 200, (select section_json(x) from new), (select (x).row_version from new) from refusal
