-- What an adopted school may have where others have an object: text, a list, JSON's null. Settings that were a list grew at every change, and
-- clients that go through a layout or a theme's settings broke. A domain that was written as an address (https://www.ecole.fr/, ecole.fr:8080)
-- answered nowhere, and another school could take it; so with a slug that differs by its case alone.
--
-- json_map(value) -> jsonb            the value when it is an object, else null

create function json_map(v jsonb) returns jsonb language sql immutable as $$
    select case jsonb_typeof(v) when 'object' then v end
$$;

create or replace function theme_json(t themes) returns json language sql stable as $$
    select json_build_object('id', t.id, 'establishmentId', t.establishment_id, 'name', t.name, 'isActive', coalesce(t.is_active, false),
        'primaryColor', t.primary_color, 'secondaryColor', t.secondary_color, 'accentColor', t.accent_color,
        'backgroundColor', t.background_color, 'textColor', t.text_color, 'fontFamily', t.font_family, 'fontSize', t.font_size,
        'headerSettings', json_map(t.header_settings), 'bodySettings', json_map(t.body_settings), 'footerSettings', json_map(t.footer_settings),
        'createdAt', iso8601(t.created_at), 'updatedAt', iso8601(t.updated_at))
$$;
create or replace function section_json(s page_sections) returns json language sql stable as $$
    select json_build_object('id', s.id, 'pageId', s.page_id, 'sectionType', s.section_type, 'sectionOrder', coalesce(s.section_order, 0),
        'components', s.components, 'sectionStyles', json_map(s.section_styles), 'isActive', s.is_active is not false,
        'createdAt', iso8601(s.created_at), 'updatedAt', iso8601(s.updated_at))
$$;
create or replace function page_json(p customizable_pages) returns json language sql stable as $$
    select json_build_object('id', p.id, 'establishmentId', p.establishment_id, 'pageName', p.page_name, 'pageTitle', p.page_title,
        'pageDescription', p.page_description, 'layout', coalesce(json_map(p.layout), '{"sections": []}'), 'isActive', p.is_active is not false,
        'createdAt', iso8601(p.created_at), 'updatedAt', iso8601(p.updated_at))
$$;
create or replace function branding_json(b establishment_branding) returns json language sql stable as $$
    select json_build_object('id', b.id, 'establishmentId', b.establishment_id, 'logoUrl', b.logo_url, 'faviconUrl', b.favicon_url,
        'primaryColor', b.primary_color, 'secondaryColor', b.secondary_color, 'accentColor', b.accent_color, 'customCss', b.custom_css,
        'navigationConfig', json_map(b.navigation_config), 'footerConfig', json_map(b.footer_config), 'isActive', b.is_active,
        'createdAt', iso8601(b.created_at), 'updatedAt', iso8601(b.updated_at))
$$;

create or replace function domain_key(p_domain text) returns text language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
    select regexp_replace(rtrim(regexp_replace(regexp_replace(lower(btrim(p_domain)), '^[a-z]+://', ''), '[:/].*$', ''), '.'), '^(www\.)+', '')
$$;

-- The index holds what the function gave before. As before: the oldest school answers at a domain that several have, and this is reported.
do $$
declare
    r record;
    twice boolean := false;
begin
    for r in select domain_key(domain) as domain, count(*) as n from establishments where domain <> '' group by 1 having count(*) > 1 loop
        raise notice 'domain %: % establishments; the oldest answers there', r.domain, r.n;
        twice := true;
    end loop;
    drop index stacgate_establishments_domain;
    if not twice then
        create unique index stacgate_establishments_domain on establishments (domain_key(domain)) where domain <> '';
    else
        create index stacgate_establishments_domain on establishments (domain_key(domain)) where domain <> '';
    end if;
end $$;

create or replace function slug_taken(p_slug text) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (select from establishments where lower(slug) = lower(p_slug))
$$;
