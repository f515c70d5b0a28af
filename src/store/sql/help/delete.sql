-- $1 tenant filter, $2 text, $3 the versions of which one must still stand or null.
with old as (
    select h.* from help_contents h where h.id = $2 and h.establishment_id = coalesce($1, h.establishment_id) for no key update
), refusal as (
    select case when row_version <> all($3::bigint[]) then 'stale' end as word from old
), gone as (
    delete from help_contents h using refusal where h.id = $2 and word is null returning 1
)
select word, 200, json_build_object('id', $2::text, 'deleted', true) from refusal
