-- Deletes an entry of the menu and what hangs below it (the school is locked): $1 tenant filter, $2 its id, $3 the versions of which one must still stand or null.
with recursive old as (
    select x.* from menu_items x where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($3::bigint[]) then 'stale' end as word from old
), below as ( -- two levels, but an adopted menu may have more, or go round in a circle
    select id from old
    union
    select x.id from below join menu_items x on x.parent_id = below.id join old on x.establishment_id = old.establishment_id
), gone as (
    delete from menu_items x using refusal, below where x.id = below.id and word is null returning 1
)
select word, 200, json_build_object('id', $2::text, 'deleted', true) from refusal
