-- Help that is found: French and English full text without accents, ranked, highlighted, and what was probably meant when a word is
-- misspelt. Searching goes through functions of stacgate_search, which read the tenant from the setting: an index on (school, words) serves
-- them, which row security would keep from being used.
--
-- help_search(words, role, staff, category, language, most) -> json      array of found texts; `suggestion` where the words were corrected
-- help_suggest(words, most) -> text[]                                    the nearest words that the school's help has

create extension if not exists btree_gin;

create text search configuration stacgate_fr (copy = pg_catalog.french);
alter text search configuration stacgate_fr alter mapping for hword, hword_part, word with unaccent, french_stem;
create text search configuration stacgate_en (copy = pg_catalog.english);
alter text search configuration stacgate_en alter mapping for hword, hword_part, word with unaccent, english_stem;

create function stacgate_words(t text) returns tsvector language sql immutable parallel safe set search_path = pg_catalog, public, pg_temp as $$
    select to_tsvector('public.stacgate_fr'::regconfig, coalesce(t, '')) || to_tsvector('public.stacgate_en'::regconfig, coalesce(t, ''))
$$;
create function stacgate_joined(t text[]) returns text language sql immutable parallel safe as $$ select coalesce(array_to_string(t, ' '), '') $$;

alter table help_contents add column if not exists language text, add column if not exists views bigint not null default 0,
    add column if not exists row_version bigint not null default 1,
    add column if not exists words tsvector generated always as (
        setweight(stacgate_words(title), 'A') || setweight(stacgate_words(stacgate_joined(tags) || ' ' || stacgate_joined(search_keywords)), 'B')
        || setweight(stacgate_words(content), 'D')) stored;
create index stacgate_help_words on help_contents using gin (establishment_id, words);
create index stacgate_help_order on help_contents (establishment_id, sort_order, id);
create index stacgate_help_views on help_contents (establishment_id, views desc, id);

create function help_json(h help_contents) returns json language sql stable as $$
    select json_build_object('id', h.id, 'establishmentId', h.establishment_id, 'title', h.title, 'content', h.content, 'category', h.category,
        'role', coalesce(h.role, 'all'), 'tags', coalesce(to_json(h.tags), '[]'), 'searchKeywords', coalesce(to_json(h.search_keywords), '[]'),
        'language', coalesce(h.language, 'fr'), 'isActive', h.is_active, 'sortOrder', coalesce(h.sort_order, 0),
        'createdAt', iso8601(h.created_at), 'updatedAt', iso8601(h.updated_at))
$$;

-- Text for a headline: no tags, and nothing that a browser would take for one.
create function stacgate_flat(html text) returns text language sql immutable parallel safe as $$
    select replace(replace(replace(regexp_replace(html, '<[^>]*>', ' ', 'g'), '&', '&amp;'), '<', '&lt;'), '>', '&gt;')
$$;

grant select on help_contents to stacgate_search;
create policy search on help_contents for select to stacgate_search using (true);

create function help_tenant() returns text language plpgsql stable as $$
begin
    if coalesce(current_setting('stacgate.establishment_id', true), '') = '' then
        raise exception 'no tenant' using errcode = '42501';
    end if;
    return current_setting('stacgate.establishment_id');
end $$;

create function help_query(p_words text) returns tsquery language sql stable set search_path = pg_catalog, public, pg_temp as $$
    -- The last word may be half written.
    with last as (select (regexp_match(p_words, '(\w{3,})\s*$'))[1] as word)
    select websearch_to_tsquery('public.stacgate_fr'::regconfig, p_words) || websearch_to_tsquery('public.stacgate_en'::regconfig, p_words)
           || case when word is null or p_words ~ '["-]' then ''::tsquery else (
                  (websearch_to_tsquery('public.stacgate_fr'::regconfig, regexp_replace(p_words, '\w+\s*$', ''))
                   && to_tsquery('public.stacgate_fr'::regconfig, word || ':*'))) end
    from last
$$;

create function help_find(p_query tsquery, p_role text, p_staff boolean, p_category text, p_language text, p_most integer,
                          p_suggestion text) returns json
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select json_agg((help_json(h)::jsonb || jsonb_build_object('rank', round(rank::numeric, 4), 'highlight',
               ts_headline(case when coalesce(h.language, 'fr') = 'en' then 'public.stacgate_en' else 'public.stacgate_fr' end::regconfig,
                           stacgate_flat(h.title || ' — ' || left(h.content, 20000)), p_query,
                           'StartSel=<mark>, StopSel=</mark>, MaxFragments=2, MaxWords=30, MinWords=8, FragmentDelimiter=" … "'))
            || case when p_suggestion is null then '{}' else jsonb_build_object('suggestion', p_suggestion) end)::json order by rank desc, h.id)
    from (
        select h.id, ts_rank_cd(h.words, p_query, 1) as rank from help_contents h
        where h.establishment_id = help_tenant() and h.words @@ p_query and h.is_active
          and (coalesce(nullif(h.role, 'all'), p_role) = p_role or p_staff and p_role = '')
          and (p_category is null or h.category = p_category) and (p_language is null or coalesce(h.language, 'fr') = p_language)
        order by rank desc, h.id limit p_most
    ) found join help_contents h using (id)
$$;

create function help_suggest(p_words text, p_most integer) returns text[]
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with known as (
        select distinct word from help_contents h,
            regexp_split_to_table(stacgate_fold(h.title || ' ' || stacgate_joined(h.tags) || ' ' || stacgate_joined(h.search_keywords)), '\W+') word
        where h.establishment_id = help_tenant() and h.is_active and length(word) > 2
    ), given as (
        select word, place from regexp_split_to_table(stacgate_fold(p_words), '\W+') with ordinality as t (word, place) where length(word) > 2 limit 8
    )
    select coalesce(array_agg(best order by score desc, best), '{}') from (
        select k.word as best, max(similarity(g.word, k.word)) as score from given g join known k on similarity(g.word, k.word) > 0.3
        group by 1 order by 2 desc, 1 limit p_most) near
$$;

create function help_corrected(p_words text) returns text
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with given as (
        select word, place from regexp_split_to_table(stacgate_fold(p_words), '\W+') with ordinality as t (word, place) where word <> '' limit 8
    )
    select string_agg(coalesce((help_suggest(word, 1))[1], word), ' ' order by place) from given
$$;

create function help_search(p_words text, p_role text, p_staff boolean, p_category text, p_language text, p_most integer) returns json
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    found json := help_find(help_query(p_words), p_role, p_staff, p_category, p_language, p_most, null);
    corrected text;
begin
    if found is null then
        corrected := help_corrected(p_words);
        if corrected is distinct from stacgate_fold(p_words) then
            found := help_find(help_query(corrected), p_role, p_staff, p_category, p_language, p_most, corrected);
        end if;
    end if;
    return coalesce(found, '[]');
end $$;

select stacgate_publish(f::regprocedure, 'stacgate_search')
from unnest(array['help_find(tsquery, text, boolean, text, text, integer, text)', 'help_suggest(text, integer)', 'help_corrected(text)',
                  'help_search(text, text, boolean, text, text, integer)']) as f;
