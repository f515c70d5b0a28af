-- $1 tenant filter, $2 course, $3 the query (force), $4 whether the caller may force, $5 the versions of which one must still stand or null,
-- $6 caller. What hangs on the course goes with it, its channel's log too; its groups stay without a course; certificates and attempts are
-- people's, so a course that has some is only closed.
with old as (
    select c.*, (select count(*) from user_courses e where e.course_id = c.id and e.status is distinct from 'dropped') as learners,
           exists (select from certificates x where x.course_id = c.id)
           or exists (select from assessment_attempts t join assessments a on a.id = t.assessment_id where a.course_id = c.id) as kept
    from courses c where c.id = $2 and c.establishment_id = coalesce($1, c.establishment_id)
), refusal as (
    select case when row_version <> all($5::bigint[]) then 'stale'
                when learners > 0 and ($3::jsonb ->> 'force')::boolean is not true then 'learners_enrolled'
                when learners > 0 and not $4::boolean then 'forbidden' end as word from old
), gone as (
    select id, establishment_id, kept from old, refusal where word is null
), closed as (
    update courses c set is_active = false, is_public = false, row_version = c.row_version + 1, updated_at = now() at time zone 'utc'
    from gone where c.id = gone.id and kept returning c
), doomed as (
    select id, establishment_id from gone where not kept
), groups as (
    update study_groups g set course_id = null from doomed where g.course_id = doomed.id returning 1
), enrolments as (
    delete from user_courses e using doomed where e.course_id = doomed.id returning 1
), sessions as (
    delete from training_sessions s using doomed where s.course_id = doomed.id returning 1
), modules as (
    delete from course_modules m using doomed where m.course_id = doomed.id returning 1
), fenced as (
    update channels c set fence = c.fence + 1 from doomed where c.topic = 'course:' || doomed.id returning c.id, c.topic
), log as (
    delete from channel_events e using fenced where e.channel = fenced.id returning 1
), unsaid as (
    delete from channel_said s using fenced where s.topic = fenced.topic returning 1
), course as (
    delete from courses c using doomed where c.id = doomed.id returning 1
)
select word, 200, json_build_object('id', $2::text, 'deleted', exists (select from doomed), 'closed', exists (select from gone where kept),
    'message', case when exists (select from gone where kept) then 'closed' else 'deleted' end), 0,
    (select json_agg(n) from (
        select channel_say('course:' || (c).id, 'course:updated', json_build_object('course', course_json(c)), $6) as n from closed
        union all select channel_look('course:' || id) from doomed
        union all select channel_look('assessment:' || a.id) from gone, assessments a where a.course_id = gone.id) t)
from refusal
