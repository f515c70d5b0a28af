-- Who is enrolled and has not handed in is reminded before an assessment is due, once; when it is due at another time, again.
--
-- reminders_for(assessment, course, school, due, until) -> table (user_id, due)      whom to remind of what is due by then, their own date if they
--     have one
-- reminders_due(within_s, most) -> table (establishment_id, id)      assessments of all schools with somebody to remind, the next one first

create table assessment_reminders (
    assessment_id varchar not null,
    user_id varchar not null references users on delete cascade,
    establishment_id varchar not null references establishments on delete cascade,
    due_date timestamp not null,
    at timestamp not null default (now() at time zone 'utc'),
    primary key (assessment_id, user_id),
    foreign key (assessment_id, establishment_id) references assessments (id, establishment_id) on delete cascade
);
select stacgate_tenant_table('assessment_reminders'), stacgate_definer_reads('assessment_reminders', 'select');
select stacgate_definer_reads('assessment_accommodations', 'select');
create index assessment_reminders_user on assessment_reminders (user_id);
create index stacgate_assessments_due on assessments (due_date) where status = 'approved' and due_date is not null;
create index stacgate_accommodations_due on assessment_accommodations (due_date) where due_date is not null;

create function reminders_for(p_assessment text, p_course text, p_school text, p_due timestamp, p_until timestamp)
returns table (user_id text, due timestamp) language sql stable as $$
    select e.user_id::text, coalesce(x.due_date, p_due) from user_courses e
    join users u on u.id = e.user_id and u.establishment_id = p_school and u.is_active is not false
    left join assessment_accommodations x on x.assessment_id = p_assessment and x.user_id = e.user_id
    where e.course_id = p_course and e.establishment_id = p_school and e.status is distinct from 'dropped'
      and coalesce(x.due_date, p_due) > now() at time zone 'utc' and coalesce(x.due_date, p_due) <= p_until
      and not exists (select from assessment_reminders r where r.assessment_id = p_assessment and r.user_id = e.user_id
                      and r.due_date = coalesce(x.due_date, p_due))
      and not exists (select from assessment_attempts t where t.assessment_id = p_assessment and t.user_id = e.user_id
                      and t.status is distinct from 'in_progress')
$$;

create function reminders_due(p_within integer, p_most integer) returns table (establishment_id text, id text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with clock as (
        select now() at time zone 'utc' as at, now() at time zone 'utc' + p_within * interval '1 second' as until
    ), near as (
        select a.id from clock, assessments a where a.status = 'approved' and a.due_date > clock.at and a.due_date <= until
        union select x.assessment_id from clock, assessment_accommodations x where x.due_date > clock.at and x.due_date <= until
    )
    select a.establishment_id::text, a.id::text from clock, near join assessments a using (id)
    where a.status = 'approved' and a.draft_of is null
      and exists (select from reminders_for(a.id, a.course_id, a.establishment_id, a.due_date, clock.until))
    order by a.due_date, a.id limit p_most
$$;
select stacgate_publish('reminders_due(integer, integer)'::regprocedure);
