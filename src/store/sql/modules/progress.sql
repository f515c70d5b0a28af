-- $1 tenant filter, $2 learner, $3 module, $4 the body (status, progressPercentage, timeSpent: minutes more). Needs an enrolment. What is
-- completed stays so.
with module as (
    select m.*, course_entered(m.course_id, $2) as enrolled
    from course_modules m join courses c on c.id = m.course_id
    where m.id = $3 and m.establishment_id = coalesce($1, m.establishment_id) and m.is_active is not false
), refusal as (select case when not enrolled then 'forbidden' end as word from module), said as (
    select case when b ->> 'status' = 'completed' or (b ->> 'progressPercentage')::integer = 100 then 100
                else (b ->> 'progressPercentage')::integer end as percent, coalesce((b ->> 'timeSpent')::integer, 0) as minutes
    from (select $4::jsonb as b) body
)
insert into user_module_progress as p (user_id, module_id, establishment_id, status, progress_percentage, time_spent, last_accessed_at, completed_at,
                                       created_at, updated_at)
select $2, module.id, establishment_id, case when percent = 100 then 'completed' else 'in_progress' end, coalesce(percent, 0), minutes,
       now() at time zone 'utc', case when percent = 100 then now() at time zone 'utc' end, now() at time zone 'utc', now() at time zone 'utc'
from module, refusal, said where word is null
on conflict (user_id, module_id) do update set
    status = case when p.status = 'completed' or excluded.status = 'completed' then 'completed' else 'in_progress' end,
    progress_percentage = greatest(p.progress_percentage, excluded.progress_percentage), time_spent = coalesce(p.time_spent, 0) + excluded.time_spent,
    last_accessed_at = excluded.last_accessed_at, completed_at = coalesce(p.completed_at, excluded.completed_at), updated_at = excluded.updated_at
