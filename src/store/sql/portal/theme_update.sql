-- Changes a theme: $1 tenant filter, $2 its id, $3 the body, $4 the versions of which one must still stand or null.
with old as (
    select x.* from themes x where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($4::bigint[]) then 'stale' end as word from old
), new as (
    update themes x set name = coalesce(b ->> 'name', x.name), primary_color = coalesce(b ->> 'primaryColor', x.primary_color),
        secondary_color = coalesce(b ->> 'secondaryColor', x.secondary_color),
        accent_color = coalesce(b ->> 'accentColor', x.accent_color),
        background_color = coalesce(b ->> 'backgroundColor', x.background_color),
        text_color = coalesce(b ->> 'textColor', x.text_color), font_family = coalesce(b ->> 'fontFamily', x.font_family),
        font_size = coalesce(b ->> 'fontSize', x.font_size), header_settings = coalesce(b -> 'headerSettings', x.header_settings),
        body_settings = coalesce(b -> 'bodySettings', x.body_settings),
        footer_settings = coalesce(b -> 'footerSettings', x.footer_settings), row_version = x.row_version + 1,
        updated_at = now() at time zone 'utc'
    from (select $3::jsonb as b) body, refusal where x.id = $2 and word is null returning x
)
select word, 200, (select theme_json(x) from new), (select (x).row_version from new) from refusal
