-- A word that no text has, and that none has one like, no longer keeps the others from finding theirs: it is left out, and `suggestion` says
-- what was looked for. A phrase in quotes counts as one word; what is ruled out by a minus stays ruled out.
--
-- The nearest word is looked for in the index of words first: whose texts may be read is asked of what that finds, not of every text.
--
-- help_nearest(word, role, staff, language) -> text                     the known word that is most like it; null: none is
-- help_has(word, last, role, staff, category, language) -> boolean      a text that may be read has it; last: it may be half written
-- help_kept(words, role, staff, category, language) -> text             the words that lead somewhere, as they are or corrected (the first eight);
--                                                                       null: none that says something (stop words say nothing)

create function help_nearest(p_word text, p_role text, p_staff boolean, p_language text) returns text
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with said as (
        select word, array(select overlay(word placing substr(word, i + 1, 1) || substr(word, i, 1) from i for 2)
                           from generate_series(1, length(word) - 1) i) as swapped
        from stacgate_fold(p_word) word where length(word) > 2
    ), near as materialized (
        select w.help_id, w.folded, w.word, case when w.folded = any (s.swapped) then 0.9 else similarity(s.word, w.folded) end as score
        from said s join help_words w on w.establishment_id = help_tenant() and (w.folded % s.word or w.folded = any (s.swapped))
    )
    select max(n.word) from near n join help_contents h on h.id = n.help_id
    where h.is_active and (coalesce(nullif(h.role, 'all'), p_role) = p_role or p_staff and p_role = '')
      and (p_language is null or coalesce(h.language, 'fr') = p_language)
    group by n.folded order by max(n.score) desc, max(n.word) limit 1
$$;
create or replace function help_corrected(p_words text, p_role text, p_staff boolean, p_language text) returns text
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select string_agg(part[1] || coalesce(case when place <= 8 then help_nearest(part[2], p_role, p_staff, p_language) end, part[2]), '' order by place)
           || coalesce(substring(p_words from '\W+$'), '')
    from regexp_matches(p_words, '(\W*)(\w+)', 'g') with ordinality as t (part, place)
$$;

create function help_has(p_word text, p_last boolean, p_role text, p_staff boolean, p_category text, p_language text) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with q as (
        select case when p_last then help_query(p_word) else websearch_to_tsquery('public.stacgate_fr'::regconfig, p_word)
                                                             || websearch_to_tsquery('public.stacgate_en'::regconfig, p_word) end as q
    )
    select exists (
        select from help_contents h where h.establishment_id = help_tenant() and h.words @@ (select q from q) and h.is_active
          and (coalesce(nullif(h.role, 'all'), p_role) = p_role or p_staff and p_role = '')
          and (p_category is null or h.category = p_category) and (p_language is null or coalesce(h.language, 'fr') = p_language))
$$;
create function help_kept(p_words text, p_role text, p_staff boolean, p_category text, p_language text) returns text
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with given as (
        select t[1] as word, place, place = max(place) over () as last
        from regexp_matches(p_words, '(-?"[^"]*"?|\S+)', 'g') with ordinality as m (t, place)
    ), found as materialized (
        select place, last, word, word like '-%' or help_has(word, last, p_role, p_staff, p_category, p_language) as stays from given
    ), other as materialized (
        select *, case when not stays and place <= 8 then help_corrected(word, p_role, p_staff, p_language) end as meant from found
    ), kept as (
        select place, case when stays then word when help_has(meant, last, p_role, p_staff, p_category, p_language) then meant end as word from other
    )
    select case when bool_or(word not like '-%' and numnode(websearch_to_tsquery('public.stacgate_fr'::regconfig, word)) > 0
                             and numnode(websearch_to_tsquery('public.stacgate_en'::regconfig, word)) > 0)
                then string_agg(word, ' ' order by place) end
    from kept
$$;
create or replace function help_search(p_words text, p_role text, p_staff boolean, p_category text, p_language text, p_most integer) returns json
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    found json := help_find(help_query(p_words), p_role, p_staff, p_category, p_language, p_most, null);
    other text;
begin
    if found is null then
        other := help_corrected(p_words, p_role, p_staff, p_language);
        if stacgate_fold(other) <> stacgate_fold(p_words) then
            found := help_find(help_query(other), p_role, p_staff, p_category, p_language, p_most, other);
        end if;
    end if;
    if found is null then
        other := help_kept(p_words, p_role, p_staff, p_category, p_language);
        found := help_find(help_query(other), p_role, p_staff, p_category, p_language, p_most, other);
    end if;
    return coalesce(found, '[]');
end $$;

select stacgate_publish(f::regprocedure, 'stacgate_search')
from unnest(array['help_nearest(text, text, boolean, text)', 'help_has(text, boolean, text, boolean, text, text)', 'help_kept(text, text, boolean, text, text)']) as f;
