-- $1 school, $2 assessment, $3 seconds, $4 how many: reminds those of its learners to whom it is due by then, once for a date. Whom to tell. Two
-- at once come one after the other, by the row of each learner, and the second finds it told.
with due as (
    select distinct on (r.user_id) r.user_id, r.due, a.establishment_id, a.course_id, a.title from assessments a,
        reminders_for(a.id, a.course_id, a.establishment_id, a.due_date, now() at time zone 'utc' + $3::integer * interval '1 second') r
    where a.id = $2 and a.establishment_id = $1 and a.status = 'approved' and a.draft_of is null order by r.user_id limit $4::integer
), noted as (
    insert into assessment_reminders as r (assessment_id, user_id, establishment_id, due_date) select $2, user_id, establishment_id, due from due
    on conflict (assessment_id, user_id) do update set due_date = excluded.due_date, at = excluded.at where r.due_date <> excluded.due_date
    returning user_id, due_date
), told as (
    select array_agg(due.user_id) as learners, title, due, array_agg(jsonb_build_object('assessmentId', $2::text, 'courseId', course_id,
               'dueDate', iso8601(due))) as data
    from noted join due on due.user_id = noted.user_id group by title, due
)
select (select count(*) from noted), (select json_agg(n) from (
    select notify_all(learners, 'deadline_reminder', data, 'Échéance proche', 'Due soon',
        '« ' || title || ' » est à rendre avant le ' || to_char(due, 'DD/MM/YYYY "à" HH24:MI') || ' (UTC).',
        '"' || title || '" is due by ' || to_char(due, 'YYYY-MM-DD HH24:MI') || ' (UTC).') as n from told) t)
