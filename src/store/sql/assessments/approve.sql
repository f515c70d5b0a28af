-- $1 tenant filter, $2 caller, $3 assessment: approved by somebody who neither wrote nor changed it. A draft version takes the place of what
-- it is a draft of; what was asked until then is kept for the attempts that were begun with it.
with asked as (
    select a.*, assessment_work_of(a, $2) as own from assessments a where a.id = $3 and a.establishment_id = coalesce($1, a.establishment_id) for no key update
), refusal as (
    select case when own then 'own_work' when status <> 'pending_approval' then 'not_pending' end as word from asked
), kept as (
    insert into assessment_versions (assessment_id, version, establishment_id, questions, passing_score)
    select o.id, o.version, o.establishment_id, coalesce(o.questions, '[]'), coalesce(o.passing_score, 60) from asked d join assessments o on o.id = d.draft_of, refusal
    where word is null on conflict do nothing
), merged as (
    update assessments o set title = d.title, description = d.description, assessment_type = d.assessment_type, questions = d.questions,
        max_score = d.max_score, passing_score = d.passing_score, time_limit = d.time_limit, max_attempts = d.max_attempts,
        is_public = d.is_public, is_reviewable = d.is_reviewable, due_date = d.due_date, version = o.version + 1, writers = '{}', row_version = o.row_version + 1, approved_by = $2,
        approved_at = now() at time zone 'utc', updated_at = now() at time zone 'utc'
    from asked d, refusal where o.id = d.draft_of and word is null returning o
), spent as (
    delete from assessments d using refusal where d.id = $3 and d.draft_of is not null and word is null
), approved as (
    update assessments a set status = 'approved', approved_by = $2, approved_at = now() at time zone 'utc', rejection_reason = null, writers = '{}',
        updated_at = now() at time zone 'utc'
    from refusal where a.id = $3 and a.draft_of is null and word is null returning a
), new as (select o as row from merged union all select a from approved)
select word, 200, (select answer(assessment_full(row)) from new), (select (row).row_version from new),
       (select json_agg(n) from (
            select notify(asked.created_by, 'assessment_approved', jsonb_build_object('assessmentId', (row).id), 'Évaluation approuvée',
                'Assessment approved', '« ' || (row).title || ' » est approuvée.', '"' || (row).title || '" was approved.') as n from new, asked
            union all select channel_look('assessment:' || x.id) from new, asked, lateral (values ((row).id), (asked.id)) x (id)) t
        where n is not null)
from refusal
