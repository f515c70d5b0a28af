-- $1 tenant filter, $2 text, $3 the version that must still stand or null.
with old as (
    select h.* from help_contents h where h.id = $2 and h.establishment_id = coalesce($1, h.establishment_id)
), refusal as (
    select case when $3::bigint <> row_version then 'stale' end as word from old
), gone as (
    delete from help_contents h using refusal where h.id = $2 and word is null returning 1
)
select word, 200, json_build_object('id', $2::text, 'deleted', true) from refusal
