-- HTML that was there before the server did the cleaning goes through it once: an adopted database's, and everything again when the cleaner lets
-- less through than before (HTML_CLEANER). Migrating only says that it is to be done; the server does it in small transactions while it serves,
-- and until then, and whatever others write, what is read is cleaned on its way out.
--
-- html_next(cleaner, bytes) -> table (name, since, upto, id, doc)      the next rows that this cleaner has not seen, about so many bytes of them: of which
--     table, after which row, up to which one, and the columns as JSON; no row: it has seen all
-- html_done(cleaner, name, since, upto, changes) -> integer             stores [{id, old, new}] and goes on from upto: how many rows it changed; -1: a row is
--     another one by now or somebody has it, or somebody else was here: what is left is to be read again

create table html_passes (
    name text primary key,                  -- a table
    columns text[] not null,                -- where its HTML may be
    cleaner integer not null default 0,     -- that has seen all of it
    under_way integer not null default 0,   -- that is looking through it …
    after text not null default ''          -- … and the id that it has come to
);
insert into html_passes (name, columns) values
    ('establishments', array['name', 'description', 'logo', 'settings']),
    ('themes', array['name', 'header_settings', 'body_settings', 'footer_settings', 'primary_color', 'secondary_color', 'accent_color',
                     'background_color', 'text_color', 'font_family', 'font_size']),
    ('customizable_contents', array['block_key', 'block_type', 'content']),
    ('customizable_pages', array['page_name', 'page_title', 'page_description', 'layout']),
    ('page_sections', array['section_type', 'components', 'section_styles']),
    ('page_components', array['component_name', 'component_type', 'component_data']),
    ('menu_items', array['label', 'url', 'icon', 'permissions']),
    ('establishment_branding', array['logo_url', 'favicon_url', 'primary_color', 'secondary_color', 'accent_color', 'custom_css',
                                     'navigation_config', 'footer_config']),
    ('help_contents', array['content']);
select stacgate_definer_reads('html_passes', 'select, update');
do $$
declare
    p record;
begin
    for p in select name, (select string_agg(quote_ident(c), ', ') from unnest(columns) c) as columns from html_passes loop
        if exists (select from pg_policy where polrelid = p.name::regclass and polname = 'definer') then
            execute format('grant update (%s) on %I to stacgate_definer', p.columns, p.name);
        else
            perform stacgate_definer_reads(p.name::regclass, format('select, update (%s)', p.columns));
        end if;
    end loop;
end $$;

-- The columns of x as one JSON object, as text of an expression.
create function html_doc(p_columns text[]) returns text language sql immutable set search_path = pg_catalog, pg_temp as $$
    select 'jsonb_build_object(' || string_agg(format('%L, x.%I', c, c), ', ') || ')' from unnest(p_columns) c
$$;

create function html_next(p_cleaner integer, p_bytes integer) returns table (name text, since text, upto text, id text, doc text)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    p html_passes;
begin
    loop
        select * into p from html_passes where cleaner < p_cleaner order by name limit 1 for no key update;
        exit when not found;
        if p.under_way <> p_cleaner then
            update html_passes set under_way = p_cleaner, after = '' where name = p.name;
            p.after := '';
        end if;
        return query execute format('select %L, %L, max(id) over (), id, doc from (
                select id::text, doc, sum(length(doc)) over (order by id) as bytes, row_number() over (order by id) as place
                from (select x.id, %s::text as doc from %I x where x.id > $1 order by x.id limit 500) x) y
            where place = 1 or bytes <= $2 order by id', p.name, p.after, html_doc(p.columns), p.name) using p.after, p_bytes;
        exit when found;
        update html_passes set cleaner = p_cleaner, after = '' where name = p.name;
    end loop;
end $$;

create function html_done(p_cleaner integer, p_name text, p_since text, p_upto text, p_changes jsonb) returns integer
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    p html_passes;
    wanted integer := jsonb_array_length(p_changes);
    gone integer;
    n integer := 0;
begin
    select * into p from html_passes where name = p_name and under_way = p_cleaner and after = p_since for no key update;
    if not found then
        return -1;
    end if;
    if wanted > 0 then
        -- Nobody waits for this, nor this for anybody. updated_at and row_version stay: it is what people wrote.
        execute format('with change as (
                select c ->> ''id'' as id, c -> ''old'' as old, c -> ''new'' as new from jsonb_array_elements($1) c
            ), mine as (
                select x.id from %I x join change c on c.id = x.id where %s = c.old order by x.id for no key update of x skip locked
            ) update %I x set (%s) = (select %s from jsonb_populate_record(x, c.new) r)
            from change c join mine on mine.id = c.id where x.id = c.id', p.name, html_doc(p.columns), p.name,
            (select string_agg(quote_ident(c), ', ') from unnest(p.columns) c),
            (select string_agg(format('coalesce(r.%I, x.%I)', c, c), ', ') from unnest(p.columns) c)) using p_changes;
        get diagnostics n = row_count;
        execute format('select count(*) from jsonb_array_elements($1) c where not exists (select from %I x where x.id = c ->> ''id'')', p.name)
            into gone using p_changes;
        if n + gone < wanted then
            return -1;
        end if;
    end if;
    update html_passes set after = p_upto where name = p.name;
    return n;
end $$;

select stacgate_publish(f::regprocedure)
from unnest(array['html_next(integer, integer)', 'html_done(integer, text, text, text, jsonb)']) as f;
