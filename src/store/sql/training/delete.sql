-- $1 tenant filter, $2 caller, $3 session, $4 staff, $5 the versions of which one must still stand or null, $6 who sees all. One that somebody is in stays.
with old as (
    select s.*, coalesce(c.instructor_id = $2, false) or $4::boolean as own from training_sessions s join courses c on c.id = s.course_id
    where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id)
      and (coalesce(c.instructor_id = $2, false) or $6::boolean or course_seen(c, $2, $6) and s.status in ('approved', 'active', 'completed')) for no key update of s
), refusal as (
    select case when not own then 'forbidden' when row_version <> all($5::bigint[]) then 'stale'
                when exists (select from user_courses e where e.session_id = $3 and e.status is distinct from 'dropped') then 'learners_enrolled' end as word from old
), left_it as (
    update user_courses e set session_id = null from refusal where e.session_id = $3 and word is null
), gone as (delete from training_sessions s using refusal where s.id = $3 and word is null returning 1)
select word, 200, json_build_object('id', $3::text, 'deleted', true) from refusal
