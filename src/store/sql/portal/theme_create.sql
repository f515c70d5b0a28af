-- A new theme, not the active one yet: $1 tenant filter, $2 the body.
with refusal as (
    select case when not exists (select from establishments where id = current_setting('stacgate.establishment_id') and id = coalesce($1, id)) then 'not_found' end as word
    from (select $2::jsonb as b) body
), made as (
    insert into themes (establishment_id, name, primary_color, secondary_color, accent_color, background_color, text_color, font_family, font_size, header_settings, body_settings, footer_settings, created_at, updated_at)
    select current_setting('stacgate.establishment_id'), b ->> 'name', coalesce(b ->> 'primaryColor', '#6366f1'), coalesce(b ->> 'secondaryColor', '#06b6d4'),
           coalesce(b ->> 'accentColor', '#10b981'), coalesce(b ->> 'backgroundColor', '#ffffff'),
           coalesce(b ->> 'textColor', '#1f2937'), coalesce(b ->> 'fontFamily', 'Inter'), coalesce(b ->> 'fontSize', '16px'),
           b -> 'headerSettings', b -> 'bodySettings', b -> 'footerSettings', now() at time zone 'utc', now() at time zone 'utc'
    from (select $2::jsonb as b) body, refusal where word is null returning themes as x
)
select word, 201, (select answer(theme_json(x)) from made), 1 from refusal
