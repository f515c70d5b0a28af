-- $1 tenant filter, $2 caller, $3 assessment, $4 staff, $5 who sees all: the author asks for approval; who may give it hears so.
with asked as (
    select a.*, coalesce(a.created_by = $2, false) or $4::boolean as own, assessment_seen(a, $2, $5) as seen from assessments a
    where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id) for no key update
), refusal as (
    select case when not seen then 'not_found' when not own then 'forbidden' when status not in ('draft', 'rejected') then 'submitted'
                when jsonb_typeof(questions) is distinct from 'array' or jsonb_array_length(questions) = 0 then 'invalid questions required'
           end as word from asked
), changed as (
    update assessments a set status = 'pending_approval', rejection_reason = null, updated_at = now() at time zone 'utc'
    from refusal where a.id = $3 and word is null returning a
)
select word, 200, (select answer(assessment_full(a)) from changed), (select (a).row_version from changed),
       (select json_agg(n) from changed, permission_holders('assessments:approve') as approver (id), lateral notify(approver.id, 'system_update',
            jsonb_build_object('assessmentId', (a).id), 'Évaluation à approuver', 'An assessment to approve',
            '« ' || (a).title || ' » attend une approbation.', '"' || (a).title || '" waits for approval.') n
        where n is not null and not assessment_work_of(a, approver.id) and approver.id <> $2)
from refusal
