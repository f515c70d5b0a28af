-- $1 tenant filter, $2 caller, $3 session, $4 the body (status), $5 may approve, $6 staff: one step of its life. Approval is a permission's;
-- the rest its instructor's and the staff's.
with old as (
    select s.*, coalesce(c.instructor_id = $2, false) or $6::boolean as own, $4::jsonb ->> 'status' as next from training_sessions s join courses c on c.id = s.course_id
    where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
      and (c.instructor_id = $2 or $5::boolean or $6::boolean or c.is_active and s.status in ('approved', 'active', 'completed')) for no key update of s
), refusal as (
    select case when not case when next = 'approved' then $5::boolean else own end then 'forbidden'
                when not exists (select from (values ('draft', 'pending_approval'), ('pending_approval', 'approved'), ('pending_approval', 'draft'),
                     ('approved', 'active'), ('active', 'completed'), ('completed', 'archived')) as step (a, b)
                     where a = status::text and b = next) then 'conflict' end as word from old
), new as (
    update training_sessions s set status = next::session_status, is_archived = next = 'archived',
        updated_at = now() at time zone 'utc'
    from old, refusal where s.id = old.id and word is null returning s
)
select word, 200, (select answer(training_session_json(s)) from new), (select (s).row_version from new),
       (select json_agg(channel_say('course:' || (s).course_id, 'session:scheduled', json_build_object('session', training_session_json(s)), $2))
        from new where (s).status = 'approved')
from refusal
