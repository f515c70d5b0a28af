-- $1 tenant filter, $2 caller, $3 assessment, $4 the body (reason).
with asked as (
    select a.*, assessment_work_of(a, $2) as own from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id) for no key update
), refusal as (
    select case when own then 'own_work' when status <> 'pending_approval' then 'not_pending' end as word from asked
), changed as (
    update assessments a set status = 'rejected', rejection_reason = $4::jsonb ->> 'reason', updated_at = now() at time zone 'utc'
    from refusal where a.id = $3 and word is null returning a
)
select word, 200, (select answer(assessment_full(a)) from changed), (select (a).row_version from changed),
       (select json_agg(n) from changed, lateral notify((a).created_by, 'assessment_rejected',
            jsonb_build_object('assessmentId', (a).id, 'reason', (a).rejection_reason), 'Évaluation refusée', 'Assessment rejected',
            '« ' || (a).title || ' » est refusée : ' || (a).rejection_reason,
            '"' || (a).title || '" was rejected: ' || (a).rejection_reason) n where n is not null)
from refusal
