-- Deletes an entry of the menu and what hangs below it (the school is locked): $1 tenant filter, $2 its id, $3 the versions of which one must still stand or null.
with old as (
    select x.* from menu_items x where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($3::bigint[]) then 'stale' end as word from old
), gone as (
    delete from menu_items x using refusal, old
    where (x.id = $2 or x.parent_id = $2) and x.establishment_id = old.establishment_id and word is null returning 1
)
select word, 200, json_build_object('id', $2::text, 'deleted', true) from refusal
