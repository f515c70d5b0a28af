-- What is like the words given is looked for in the index of words first; whose texts may be read is asked of what that finds (as in help_nearest),
-- and no longer of every text.
create or replace function help_suggest(p_words text, p_role text, p_staff boolean, p_language text, p_most integer) returns text[]
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with given as (
        select word, word_swapped(word) as swapped from regexp_split_to_table(stacgate_fold(p_words), '\W+') word where length(word) > 2 limit 8
    ), near as materialized (
        select w.help_id, w.folded, w.word, case when w.folded = any (g.swapped) then 0.9 else similarity(g.word, w.folded) end as score
        from given g join help_words w on w.establishment_id = help_tenant() and (w.folded % g.word or w.folded = any (g.swapped))
    )
    select coalesce(array_agg(best order by score desc, best), '{}') from (
        select max(n.word) as best, max(n.score) as score from near n join help_contents h on h.id = n.help_id
        where h.is_active and (coalesce(nullif(h.role, 'all'), p_role) = p_role or p_staff and p_role = '')
          and (p_language is null or coalesce(h.language, 'fr') = p_language)
        group by n.folded order by 2 desc, 1 limit p_most) best
$$;
