-- Deletes a theme, but not the active one (the school is locked): $1 tenant filter, $2 its id, $3 the versions of which one must still stand or null.
with old as (
    select x.* from themes x where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($3::bigint[]) then 'stale' when is_active then 'theme_active' end as word from old
), gone as (
    delete from themes x using refusal where x.id = $2 and word is null returning 1
)
select word, 200, json_build_object('id', $2::text, 'deleted', true) from refusal
