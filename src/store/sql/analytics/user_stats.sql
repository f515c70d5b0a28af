-- $1 tenant filter, $2 caller, $3 the query (userId), $4 whether the caller may look at others, $5 is staff.
with who as (
    select u.id, u.first_name, u.last_name, u.role, u.last_login_at from users u
    where u.id = coalesce($3::jsonb ->> 'userId', $2)
      and (u.id = $2 or u.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')))
)
select case when who.id <> $2 and not $4::boolean then case when $5::boolean or person_seen($2, who.id) then 'forbidden' else 'not_found' end end, 200, json_build_object('userId', who.id, 'firstName', who.first_name,
    'lastName', who.last_name, 'role', who.role, 'lastLoginAt', iso8601(who.last_login_at),
    'courses', (select json_build_object('enrolled', count(*), 'inProgress', count(*) filter (where status = 'in_progress'),
                    'completed', count(*) filter (where status = 'completed'), 'averageProgress', coalesce(round(avg(progress), 2), 0))
                from user_courses e where e.user_id = who.id and e.status is distinct from 'dropped'),
    'assessments', (select json_build_object('attempts', count(*), 'graded', count(*) filter (where status = 'graded'),
                    'averageScore', coalesce(round(avg(100.0 * score / nullif(max_score, 0)) filter (where status = 'graded'), 2), 0))
                    from assessment_attempts t where t.user_id = who.id),
    'certificates', (select count(*) from certificates k where k.user_id = who.id and k.is_valid is not false),
    'studyGroups', (select count(*) from study_group_members m join study_groups g on g.id = m.study_group_id
                    where m.user_id = who.id and m.is_active and g.room_of is null),
    'activity', (select json_build_object('days30', count(*), 'minutes30', coalesce(sum(minutes), 0), 'lastSeenAt', iso8601(max(last_at)))
                 from user_activity a where a.user_id = who.id and a.day > (now() at time zone 'utc')::date - 30))
from who
