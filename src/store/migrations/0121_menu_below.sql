-- What hangs below an entry of the menu that somebody does not see is not shown to them either: an entry for administrators hid itself, and the
-- whole world read what stood below it. And the pages' own addresses (/account, /certificate …) are no school's slug.
--
-- menu_hidden(entry, role) -> boolean        is it, or one above it, switched off or for other roles? role null: nobody's

create function menu_hidden(m menu_items, p_role text) returns boolean language sql stable as $$
    with recursive above as (
        select m.id, m.parent_id, m.is_active, m.permissions
        union
        select p.id, p.parent_id, p.is_active, p.permissions
        from above a join menu_items p on p.id = a.parent_id and p.establishment_id = m.establishment_id
    )
    select exists (select from above where is_active is false
                                        or not (coalesce(permissions, '[]') in ('[]', 'null') or coalesce(permissions ? p_role, false)))
$$;

create or replace function slugs_kept() returns text[] language sql immutable as $$
    select array['api', 'socket', 'ws', 'test', 'problems', 'metrics', 'assets', 'docs', 'admin', 'super-admin', 'portal', 'establishment', 'login',
                 'dashboard', 'courses', 'assessments', 'manual', 'archive', 'system-updates', 'wysiwyg-editor', 'study-groups', 'analytics',
                 'help-center', 'user-management', 'groups', 'board', 'boards', 'settings', 'www', 'signin', 'register', 'forgot-password',
                 'set-password', 'verify-email', 'certificate', 'account']
$$;

create or replace function portal(p_slug text, p_host text) returns json
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select json_build_object(
        'establishment', json_build_object('id', e.id, 'name', e.name, 'slug', e.slug, 'description', e.description, 'logo', e.logo, 'domain', e.domain),
        'theme', (select theme_json(t) from themes t where t.establishment_id = e.id and t.is_active order by t.updated_at desc, t.id limit 1),
        'branding', (select branding_json(b) from establishment_branding b where b.establishment_id = e.id and b.is_active),
        'menuItems', (select coalesce(json_agg(menu_item_json(m) order by m.sort_order, m.id), '[]') from menu_items m
                      where m.establishment_id = e.id and not menu_hidden(m, null)),
        'contents', (select coalesce(json_agg(json_build_object('blockKey', c.block_key, 'blockType', c.block_type, 'content', c.content)
                                              order by c.block_key, c.id), '[]')
                     from customizable_contents c where c.establishment_id = e.id and c.is_active is not false),
        'pages', (select coalesce(json_agg(json_build_object('pageName', p.page_name, 'pageTitle', p.page_title, 'pageDescription', p.page_description)
                                           order by p.page_name, p.id), '[]')
                  from customizable_pages p where p.establishment_id = e.id and p.is_active is not false))
    from establishments e where e.id = establishment_at(p_slug, p_host)
$$;
