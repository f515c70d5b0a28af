-- Sets a school's branding (the school is locked): $1 tenant filter, $2 the body, $3 the versions of which one must still stand or null (0: never set).
with school as (
    select e.id, coalesce((select row_version from establishment_branding b where b.establishment_id = e.id), 0) as version
    from establishments e where e.id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
), refusal as (
    select case when version <> all($3::bigint[]) then 'stale' end as word from school
), new as (
    insert into establishment_branding as x (id, establishment_id, logo_url, favicon_url, primary_color, secondary_color, accent_color, custom_css, navigation_config, footer_config, is_active,
                                             created_at, updated_at)
    select gen_random_uuid()::text, school.id, b ->> 'logoUrl', b ->> 'faviconUrl', coalesce(b ->> 'primaryColor', '#3b82f6'), coalesce(b ->> 'secondaryColor', '#64748b'),
           coalesce(b ->> 'accentColor', '#10b981'), b ->> 'customCss', b -> 'navigationConfig', b -> 'footerConfig',
           coalesce((b ->> 'isActive')::boolean, true), now() at time zone 'utc', now() at time zone 'utc'
    from school, refusal, (select $2::jsonb as b) body where word is null
    on conflict (establishment_id) do update set logo_url = case when $2::jsonb ? 'logoUrl' then $2::jsonb ->> 'logoUrl' else x.logo_url end,
        favicon_url = case when $2::jsonb ? 'faviconUrl' then $2::jsonb ->> 'faviconUrl' else x.favicon_url end,
        primary_color = coalesce($2::jsonb ->> 'primaryColor', x.primary_color),
        secondary_color = coalesce($2::jsonb ->> 'secondaryColor', x.secondary_color),
        accent_color = coalesce($2::jsonb ->> 'accentColor', x.accent_color),
        custom_css = coalesce($2::jsonb ->> 'customCss', x.custom_css),
        navigation_config = coalesce($2::jsonb -> 'navigationConfig', x.navigation_config),
        footer_config = coalesce($2::jsonb -> 'footerConfig', x.footer_config),
        is_active = coalesce(($2::jsonb ->> 'isActive')::boolean, x.is_active), row_version = x.row_version + 1,
        updated_at = now() at time zone 'utc'
    returning x
)
select word, 200, (select branding_json(x) from new), (select (x).row_version from new) from refusal
