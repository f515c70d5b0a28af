-- $1 tenant filter, $2 caller, $3 session, $4 the body (status), $5 may approve, $6 may manage courses: one step of its life. Approval is
-- one right, the rest the other's and its instructor's. Who approves hears what waits for it, the instructor what came of it.
with old as (
    select s.*, coalesce(c.instructor_id = $2, false) or $6::boolean as own, $4::jsonb ->> 'status' as next from training_sessions s join courses c on c.id = s.course_id
    where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
      and (coalesce(c.instructor_id = $2, false) or $5::boolean or $6::boolean or course_seen(c, $2, false) and s.status in ('approved', 'active', 'completed')) for no key update of s
), refusal as (
    select case when not case when next = 'approved' then $5::boolean else own end then 'forbidden'
                when not exists (select from (values ('draft', 'pending_approval'), ('pending_approval', 'approved'), ('pending_approval', 'draft'),
                     ('approved', 'active'), ('active', 'completed'), ('completed', 'archived')) as step (a, b)
                     where a = status::text and b = next) then 'next_step' end as word from old
), new as (
    update training_sessions s set status = next::session_status, is_archived = next = 'archived',
        updated_at = now() at time zone 'utc'
    from old, refusal where s.id = old.id and word is null returning s
)
select word, 200, (select answer(training_session_json(s)) from new), (select (s).row_version from new),
       (select json_agg(n) from (
            select channel_say('course:' || (s).course_id, 'session:scheduled', json_build_object('session', training_session_json(s)), $2) as n
            from new where (s).status = 'approved'
            union all select notify(approver.id, 'system_update', jsonb_build_object('courseId', (s).course_id, 'sessionId', (s).id), 'Session à approuver',
                'A session to approve', '« ' || (s).name || ' » attend une approbation.', '"' || (s).name || '" waits for approval.')
            from new, permission_holders('courses:approve') as approver (id) where (s).status = 'pending_approval' and approver.id <> $2
            union all select notify(c.instructor_id, 'system_update', jsonb_build_object('courseId', c.id, 'sessionId', (s).id),
                case (s).status when 'approved' then 'Session approuvée' else 'Session renvoyée' end,
                case (s).status when 'approved' then 'Session approved' else 'Session sent back' end,
                '« ' || (s).name || ' » ' || case (s).status when 'approved' then 'est approuvée.' else 'est à revoir.' end,
                '"' || (s).name || '" ' || case (s).status when 'approved' then 'was approved.' else 'is to be looked at again.' end)
            from new join courses c on c.id = (s).course_id where (s).status in ('approved', 'draft') and c.instructor_id <> $2) t
        where n is not null)
from refusal
