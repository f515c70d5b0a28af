-- $1 tenant filter, $2 caller, $3 assessment (its row is locked), $4 staff, $5 the versions of which one must still stand or null, $6 who sees all. One that was attempted stays: its
-- results are people's.
with asked as (
    select a.*, coalesce(a.created_by = $2, false) or $4::boolean as own, assessment_seen(a, $2, $6) as seen, exists (select from assessment_attempts t where t.assessment_id = a.id) as attempted
    from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id) for no key update
), refusal as (
    select case when not seen then 'not_found' when not own then 'forbidden' when row_version <> all($5::bigint[]) then 'stale'
                when attempted then 'attempted' end as word from asked
), gone as (
    delete from assessments a using refusal where a.id = $3 and word is null returning 1
)
select word, 200, json_build_object('id', $3::text, 'deleted', true), 0,
    (select json_agg(channel_look('assessment:' || $3::text)) from gone)
from refusal
