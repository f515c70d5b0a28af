-- Suggestions know the words of the texts themselves, not only of their titles and tags; they come from texts that who is asking may read, with
-- their accents. What was asked keeps its quotes and its minus.
--
-- help_words: the words of each text, kept by a trigger. Reading them goes through functions of stacgate_search, as all of help's search.
-- help_suggest(words, role, staff, language, most) -> text[]
-- help_corrected(words, role, staff, language) -> text      the same text, with the nearest known word in place of each of its first eight

create unique index help_contents_tenant_key on help_contents (id, establishment_id);
create table help_words (
    help_id varchar not null,
    establishment_id varchar not null,
    folded text not null,
    word text not null,
    primary key (help_id, folded),
    foreign key (help_id, establishment_id) references help_contents (id, establishment_id) on delete cascade
);
select stacgate_tenant_table('help_words', 'select');
create index stacgate_help_spelling on help_words using gin (establishment_id, folded gin_trgm_ops);
select stacgate_definer_reads('help_words', 'select, insert, delete');
grant select on help_words to stacgate_search;
create policy search on help_words for select to stacgate_search using (true);

-- HTML as the words that it shows; entities say nothing here.
create function help_spelling(h help_contents) returns table (folded text, word text) language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select stacgate_fold(w), max(w)
    from regexp_split_to_table(lower(h.title || ' ' || stacgate_joined(h.tags) || ' ' || stacgate_joined(h.search_keywords) || ' '
                                     || regexp_replace(h.content, '<[^>]*>|&#?\w+;', ' ', 'g')), '\W+') w
    where length(w) between 3 and 40 group by 1
$$;
create function help_spelt() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    delete from help_words where help_id = new.id;
    insert into help_words select new.id, new.establishment_id, s.folded, s.word from help_spelling(new) s;
    return null;
end $$;
create trigger stacgate_spelt after insert or update of title, content, tags, search_keywords, establishment_id on help_contents
    for each row execute function help_spelt();
insert into help_words select h.id, h.establishment_id, s.folded, s.word from help_contents h cross join lateral help_spelling(h) s;

-- Content is HTML: its tags go, its entities are what a browser shows.
create function stacgate_flat_html(html text) returns text language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
    select replace(replace(regexp_replace(regexp_replace(html, '<[^>]*>', ' ', 'g'), '&(?!#?\w+;)', '&amp;', 'g'), '<', '&lt;'), '>', '&gt;')
$$;
create or replace function help_find(p_query tsquery, p_role text, p_staff boolean, p_category text, p_language text, p_most integer,
                          p_suggestion text) returns json
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select json_agg((help_json(h)::jsonb || jsonb_build_object('rank', round(rank::numeric, 4), 'highlight',
               ts_headline(case when coalesce(h.language, 'fr') = 'en' then 'public.stacgate_en' else 'public.stacgate_fr' end::regconfig,
                           stacgate_flat(h.title) || ' — ' || stacgate_flat_html(left(h.content, 20000)), p_query,
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

drop function help_suggest(text, integer);
drop function help_corrected(text);
create function help_suggest(p_words text, p_role text, p_staff boolean, p_language text, p_most integer) returns text[]
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with given as (
        select word from regexp_split_to_table(stacgate_fold(p_words), '\W+') word where length(word) > 2 limit 8
    )
    select coalesce(array_agg(best order by score desc, best), '{}') from (
        select max(w.word) as best, max(similarity(g.word, w.folded)) as score
        from given g join help_words w on w.establishment_id = help_tenant() and w.folded % g.word
        join help_contents h on h.id = w.help_id
        where h.is_active and (coalesce(nullif(h.role, 'all'), p_role) = p_role or p_staff and p_role = '')
          and (p_language is null or coalesce(h.language, 'fr') = p_language)
        group by w.folded order by 2 desc, 1 limit p_most) near
$$;
create function help_corrected(p_words text, p_role text, p_staff boolean, p_language text) returns text
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select string_agg(part[1] || coalesce(case when place <= 8 then (help_suggest(part[2], p_role, p_staff, p_language, 1))[1] end, part[2]), '' order by place)
           || coalesce(substring(p_words from '\W+$'), '')
    from regexp_matches(p_words, '(\W*)(\w+)', 'g') with ordinality as t (part, place)
$$;
create or replace function help_search(p_words text, p_role text, p_staff boolean, p_category text, p_language text, p_most integer) returns json
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    found json := help_find(help_query(p_words), p_role, p_staff, p_category, p_language, p_most, null);
    corrected text;
begin
    if found is null then
        corrected := help_corrected(p_words, p_role, p_staff, p_language);
        if stacgate_fold(corrected) <> stacgate_fold(p_words) then
            found := help_find(help_query(corrected), p_role, p_staff, p_category, p_language, p_most, corrected);
        end if;
    end if;
    return coalesce(found, '[]');
end $$;

select stacgate_publish(f::regprocedure, 'stacgate_search')
from unnest(array['help_suggest(text, text, boolean, text, integer)', 'help_corrected(text, text, boolean, text)']) as f;
select stacgate_publish('help_spelt()'::regprocedure);
revoke execute on function help_spelt() from stacgate_app;
