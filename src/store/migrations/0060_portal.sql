-- What a school shows: themes, texts, pages, menu, branding. Their tables are older (0001); here are versions, orders for pages of lists, the
-- JSON that REST answers, and the ways in from outside a school.
--
-- establishment_create(name, slug, description, logo, domain, settings) -> text     its id; by an active super_admin only (42501)
-- establishment_at(slug, host) -> text                  the active school of that slug; without one, of that domain; null: none
-- portal(slug, host) -> json                            what everybody may see of a school; null: no such school
-- portal_page(slug, host, name) -> json                 one page of it; null: none
-- portal_page_new(name) -> json                         a page that nobody has made yet, as the page editor wants it
-- domain_taken(domain, but) -> boolean                  does another school answer there?
-- page_layout(page) -> json                             its layout, with the sections that are rows after those in it

alter table themes add column if not exists row_version bigint not null default 1;
alter table customizable_contents add column if not exists row_version bigint not null default 1;
alter table customizable_pages add column if not exists row_version bigint not null default 1;
alter table page_sections add column if not exists row_version bigint not null default 1;
alter table page_components add column if not exists row_version bigint not null default 1;
alter table menu_items add column if not exists row_version bigint not null default 1;
alter table establishment_branding add column if not exists row_version bigint not null default 1;

create index stacgate_themes_newest on themes (establishment_id, created_at desc, id desc);
create index stacgate_contents_key on customizable_contents (establishment_id, block_key);
create index stacgate_pages_name on customizable_pages (establishment_id, page_name);
create index stacgate_sections_order on page_sections (page_id, section_order, id);
create index stacgate_menu_order on menu_items (establishment_id, sort_order, id);

-- A domain names one school. An adopted database may have given one twice: then the oldest answers, and the others are reported.
do $$
declare
    r record;
    twice boolean := false;
begin
    for r in select lower(domain) as domain, count(*) as n from establishments where domain <> '' group by 1 having count(*) > 1 loop
        raise notice 'domain %: % establishments; the oldest answers there', r.domain, r.n;
        twice := true;
    end loop;
    if not twice then
        create unique index stacgate_establishments_domain on establishments (lower(domain)) where domain <> '';
    else
        create index stacgate_establishments_domain on establishments (lower(domain)) where domain <> '';
    end if;
end $$;

create function theme_json(t themes) returns json language sql stable as $$
    select json_build_object('id', t.id, 'establishmentId', t.establishment_id, 'name', t.name, 'isActive', coalesce(t.is_active, false),
        'primaryColor', t.primary_color, 'secondaryColor', t.secondary_color, 'accentColor', t.accent_color,
        'backgroundColor', t.background_color, 'textColor', t.text_color, 'fontFamily', t.font_family, 'fontSize', t.font_size,
        'headerSettings', t.header_settings, 'bodySettings', t.body_settings, 'footerSettings', t.footer_settings,
        'createdAt', iso8601(t.created_at), 'updatedAt', iso8601(t.updated_at))
$$;
create function content_json(c customizable_contents) returns json language sql stable as $$
    select json_build_object('id', c.id, 'establishmentId', c.establishment_id, 'blockKey', c.block_key, 'blockType', c.block_type,
        'content', c.content, 'isActive', c.is_active is not false, 'createdAt', iso8601(c.created_at), 'updatedAt', iso8601(c.updated_at))
$$;
create function section_json(s page_sections) returns json language sql stable as $$
    select json_build_object('id', s.id, 'pageId', s.page_id, 'sectionType', s.section_type, 'sectionOrder', coalesce(s.section_order, 0),
        'components', s.components, 'sectionStyles', s.section_styles, 'isActive', s.is_active is not false,
        'createdAt', iso8601(s.created_at), 'updatedAt', iso8601(s.updated_at))
$$;
create function page_json(p customizable_pages) returns json language sql stable as $$
    select json_build_object('id', p.id, 'establishmentId', p.establishment_id, 'pageName', p.page_name, 'pageTitle', p.page_title,
        'pageDescription', p.page_description, 'layout', p.layout, 'isActive', p.is_active is not false,
        'createdAt', iso8601(p.created_at), 'updatedAt', iso8601(p.updated_at))
$$;
create function component_json(c page_components) returns json language sql stable as $$
    select json_build_object('id', c.id, 'establishmentId', c.establishment_id, 'componentName', c.component_name,
        'componentType', c.component_type, 'componentData', c.component_data, 'isActive', c.is_active is not false,
        'createdAt', iso8601(c.created_at), 'updatedAt', iso8601(c.updated_at))
$$;
create function menu_item_json(m menu_items) returns json language sql stable as $$
    select json_build_object('id', m.id, 'establishmentId', m.establishment_id, 'label', m.label, 'url', m.url, 'icon', m.icon,
        'parentId', m.parent_id, 'sortOrder', coalesce(m.sort_order, 0), 'isActive', m.is_active is not false,
        'permissions', coalesce(m.permissions, '[]'), 'createdAt', iso8601(m.created_at), 'updatedAt', iso8601(m.updated_at))
$$;
create function branding_json(b establishment_branding) returns json language sql stable as $$
    select json_build_object('id', b.id, 'establishmentId', b.establishment_id, 'logoUrl', b.logo_url, 'faviconUrl', b.favicon_url,
        'primaryColor', b.primary_color, 'secondaryColor', b.secondary_color, 'accentColor', b.accent_color, 'customCss', b.custom_css,
        'navigationConfig', b.navigation_config, 'footerConfig', b.footer_config, 'isActive', b.is_active,
        'createdAt', iso8601(b.created_at), 'updatedAt', iso8601(b.updated_at))
$$;

create function page_layout(p customizable_pages) returns json language sql stable as $$
    select jsonb_set(case jsonb_typeof(p.layout) when 'object' then p.layout else '{}' end, '{sections}',
        case jsonb_typeof(p.layout -> 'sections') when 'array' then p.layout -> 'sections' else '[]' end || coalesce((
            select jsonb_agg(jsonb_build_object('id', s.id, 'type', s.section_type, 'components', s.components,
                                                'styles', coalesce(s.section_styles, '{}')) order by s.section_order, s.id)
            from page_sections s where s.page_id = p.id and s.is_active is not false), '[]'))::json
$$;
create function portal_page_new(p_name text) returns json language sql immutable as $$
    select json_build_object('id', null, 'pageName', p_name, 'pageTitle', p_name, 'pageDescription', null, 'isActive', true, 'layout',
        json_build_object('sections', json_build_array(json_build_object('type', 'header', 'components', json_build_array()),
            json_build_object('type', 'body', 'components', json_build_array()),
            json_build_object('type', 'footer', 'components', json_build_array()))))
$$;

-- ---- from outside a school ----

select stacgate_definer_reads(t::regclass, 'select')
from unnest(array['themes', 'customizable_contents', 'customizable_pages', 'page_sections', 'menu_items', 'establishment_branding']) as t;
grant insert on establishments to stacgate_definer;

create function establishment_create(p_name text, p_slug text, p_description text, p_logo text, p_domain text, p_settings jsonb) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    made text;
begin
    if not stacgate_is_super_admin() then
        raise 'a super_admin makes establishments' using errcode = 'insufficient_privilege';
    end if;
    insert into establishments (name, slug, description, logo, domain, settings, created_at, updated_at)
    values (p_name, p_slug, p_description, p_logo, p_domain, coalesce(p_settings, '{}'), now() at time zone 'utc', now() at time zone 'utc')
    returning id into made;
    return made;
end $$;

create function domain_taken(p_domain text, p_but text) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (select from establishments where domain <> '' and lower(domain) = lower(p_domain) and id is distinct from p_but)
$$;

create function slug_taken(p_slug text) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (select from establishments where slug = p_slug)
$$;

-- Words that begin the server's own addresses, and those of its pages.
create function slugs_kept() returns text[] language sql immutable as $$
    select array['api', 'socket', 'ws', 'test', 'problems', 'metrics', 'assets', 'docs', 'admin', 'super-admin', 'portal', 'establishment', 'login',
                 'dashboard', 'courses', 'assessments', 'manual', 'archive', 'system-updates', 'wysiwyg-editor', 'study-groups', 'analytics',
                 'help-center', 'user-management', 'groups', 'board', 'boards', 'settings', 'www']
$$;

create function establishment_at(p_slug text, p_host text) returns text
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select id from establishments
    where is_active is not false and case when p_slug is not null then slug = p_slug else domain <> '' and lower(domain) in (p_host, regexp_replace(p_host, '^www\.', '')) end
    order by lower(domain) = p_host desc, created_at, id limit 1
$$;

create function portal(p_slug text, p_host text) returns json
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select json_build_object(
        'establishment', json_build_object('id', e.id, 'name', e.name, 'slug', e.slug, 'description', e.description, 'logo', e.logo, 'domain', e.domain),
        'theme', (select theme_json(t) from themes t where t.establishment_id = e.id and t.is_active order by t.updated_at desc, t.id limit 1),
        'branding', (select branding_json(b) from establishment_branding b where b.establishment_id = e.id and b.is_active),
        'menuItems', (select coalesce(json_agg(menu_item_json(m) order by m.sort_order, m.id), '[]') from menu_items m
                      where m.establishment_id = e.id and m.is_active is not false and coalesce(m.permissions, '[]') = '[]'),
        'contents', (select coalesce(json_agg(json_build_object('blockKey', c.block_key, 'blockType', c.block_type, 'content', c.content)
                                              order by c.block_key, c.id), '[]')
                     from customizable_contents c where c.establishment_id = e.id and c.is_active is not false),
        'pages', (select coalesce(json_agg(json_build_object('pageName', p.page_name, 'pageTitle', p.page_title, 'pageDescription', p.page_description)
                                           order by p.page_name, p.id), '[]')
                  from customizable_pages p where p.establishment_id = e.id and p.is_active is not false))
    from establishments e where e.id = establishment_at(p_slug, p_host)
$$;

create function portal_page(p_slug text, p_host text, p_name text) returns json
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select json_build_object('pageName', p.page_name, 'pageTitle', p.page_title, 'pageDescription', p.page_description, 'layout', page_layout(p))
    from customizable_pages p
    where p.establishment_id = establishment_at(p_slug, p_host) and p.page_name = p_name and p.is_active is not false
    order by p.updated_at desc, p.id limit 1
$$;

select stacgate_publish(f::regprocedure) from unnest(array[
    'establishment_create(text, text, text, text, text, jsonb)', 'domain_taken(text, text)', 'slug_taken(text)', 'establishment_at(text, text)',
    'portal(text, text)', 'portal_page(text, text, text)']) as f;
