-- A room as the database has it, by its topic or by the id of its resource; who may see it is who may join it, and staff; an assessment's,
-- where nobody sees who else is there, its author and the course's instructor. No row: not here.
-- $1 tenant filter, $2 caller, $3 topic or id, $4 staff, whether the caller sees every $5 group, $6 course, $7 assessment.
with asked as (
    select case when strpos($3, ':') > 0 then split_part($3, ':', 1) end as kind, substr($3, strpos($3, ':') + 1) as id
), found as (
    select 'group' as kind, g.id, g.name as title, null::jsonb as locks,
           exists (select from study_group_members m where m.study_group_id = g.id and m.user_id = $2 and m.is_active) as is_in,
           group_seen(g, $2, $5) as seen,
           (select coalesce(max(m.seq), 0) from study_group_messages m where m.study_group_id = g.id) as head
    from asked a join study_groups g on g.id = a.id where g.establishment_id = coalesce($1, g.establishment_id)
    union all
    select 'whiteboard', w.id, w.title, jsonb_build_object('locked', w.locked, 'elementIds', to_jsonb(w.locked_ids)),
           exists (select from study_group_members m where m.study_group_id = w.study_group_id and m.user_id = $2 and m.is_active), group_seen(g, $2, $5), w.data_seq
    from asked a join whiteboards w on w.id = a.id join study_groups g on g.id = w.study_group_id where w.establishment_id = coalesce($1, w.establishment_id) and w.is_active is not false
    union all
    select 'class', s.id, s.title, null,
           s.host_id = $2 or exists (select from study_group_members m
                                     where m.study_group_id = s.study_group_id and m.user_id = $2 and m.is_active),
           s.host_id = $2 or group_seen(g, $2, $5), 0
    from asked a join study_sessions s on s.id = a.id join study_groups g on g.id = s.study_group_id where s.establishment_id = coalesce($1, s.establishment_id)
    union all
    select 'course', c.id, c.title, null,
           coalesce(c.instructor_id = $2, false) or course_entered(c.id, $2), course_seen(c, $2, $6), 0
    from asked a join courses c on c.id = a.id where c.establishment_id = coalesce($1, c.establishment_id)
    union all
    select 'assessment', x.id, x.title, null,
           coalesce(x.created_by = $2, false) or exists (select from courses c where c.id = x.course_id and c.instructor_id = $2),
           assessment_seen(x, $2, $7), 0
    from asked a join assessments x on x.id = a.id where x.establishment_id = coalesce($1, x.establishment_id)
    union all
    select 'establishment', e.id, e.name, null, true, true, 0
    from asked a join establishments e on e.id = a.id where e.id = coalesce($1, e.id)
)
select case when not ($4::boolean or f.is_in) then 'forbidden' end, f.kind || ':' || f.id, f.kind,
       jsonb_build_object('topic', f.kind || ':' || f.id, 'kind', f.kind, 'resourceId', f.id, 'title', f.title),
       c.epoch, coalesce(c.last_seq, f.head), coalesce(f.locks, 'null')
from asked a join found f on f.kind = coalesce(a.kind, f.kind) left join channels c on c.topic = f.kind || ':' || f.id
where f.seen or $4::boolean or f.is_in
