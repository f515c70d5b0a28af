-- Two letters in each other's place leave a short word nothing in common with what was meant, by trigrams: such a word is looked for as it is
-- when they are put right.
create function word_swapped(w text) returns text[] language sql immutable parallel safe as $$
    select array(select overlay(w placing substr(w, i + 1, 1) || substr(w, i, 1) from i for 2) from generate_series(1, length(w) - 1) i)
$$;
create or replace function help_suggest(p_words text, p_role text, p_staff boolean, p_language text, p_most integer) returns text[]
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with given as (
        select word, word_swapped(word) as swapped from regexp_split_to_table(stacgate_fold(p_words), '\W+') word where length(word) > 2 limit 8
    )
    select coalesce(array_agg(best order by score desc, best), '{}') from (
        select max(w.word) as best, max(case when w.folded = any (g.swapped) then 0.9 else similarity(g.word, w.folded) end) as score
        from given g join help_words w on w.establishment_id = help_tenant() and (w.folded % g.word or w.folded = any (g.swapped))
        join help_contents h on h.id = w.help_id
        where h.is_active and (coalesce(nullif(h.role, 'all'), p_role) = p_role or p_staff and p_role = '')
          and (p_language is null or coalesce(h.language, 'fr') = p_language)
        group by w.folded order by 2 desc, 1 limit p_most) near
$$;
