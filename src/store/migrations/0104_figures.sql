-- Roll-ups count anew only what changed: a turn cost what the installation has people, every half minute. Triggers say which schools, and which
-- of their days; what changes by the clock alone (who joined this month, enrolled this week, was here in thirty days) has a time at which it is
-- due. An enrolment that is dropped later leaves its day, and a server that stood still for days misses none of the last one. Erased people
-- and breakout rooms are no people and no groups.
--
-- analytics_changes: one row a change, taken away by the turn that counts it; no key, so that changes of one school wait for nobody.
-- analytics_refresh() -> bigint        brings totals, days and who is here up to now; how many groups and boards had something new

create table analytics_changes (establishment_id varchar not null, day date); -- day: that day too, not only the totals
select stacgate_tenant_table('analytics_changes', 'select');
select stacgate_definer_reads('analytics_changes', 'select, insert, delete');

create function analytics_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into analytics_changes (establishment_id)
    select distinct s from unnest(array[old.establishment_id, new.establishment_id]) s where s is not null;
    return null;
end $$;
create function analytics_enrolled() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into analytics_changes
    select distinct school, day from (values (old.establishment_id, old.enrolled_at::date), (old.establishment_id, old.completed_at::date),
                                             (new.establishment_id, new.enrolled_at::date), (new.establishment_id, new.completed_at::date)) x (school, day)
    where school is not null;
    return null;
end $$;
-- Somebody's first day in thirty; later ones change no total.
create function analytics_seen() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_op = 'DELETE' then
        insert into analytics_changes values (old.establishment_id, old.day);
    elsif not exists (select from user_activity a where a.user_id = new.user_id and a.day <> new.day and a.last_at >= new.last_at - interval '30 days') then
        insert into analytics_changes values (new.establishment_id, new.day);
    end if;
    return null;
end $$;

create trigger stacgate_counted after insert or delete on users for each row execute function analytics_changed();
create trigger stacgate_counted_anew after update of role, is_active, email, establishment_id on users for each row
    when ((old.role, old.is_active, old.email, old.establishment_id) is distinct from (new.role, new.is_active, new.email, new.establishment_id))
    execute function analytics_changed();
create trigger stacgate_counted after insert or delete on courses for each row execute function analytics_changed();
create trigger stacgate_counted_anew after update of category, is_active on courses for each row
    when ((old.category, old.is_active) is distinct from (new.category, new.is_active)) execute function analytics_changed();
create trigger stacgate_counted after insert or delete on study_groups for each row execute function analytics_changed();
create trigger stacgate_counted after insert or delete on certificates for each row execute function analytics_changed();
create trigger stacgate_counted_anew after update of is_valid on certificates for each row
    when (old.is_valid is distinct from new.is_valid) execute function analytics_changed();
create trigger stacgate_counted after insert or delete on user_courses for each row execute function analytics_enrolled();
create trigger stacgate_counted_anew after update of status, enrolled_at, completed_at on user_courses for each row
    when ((old.status, old.enrolled_at, old.completed_at) is distinct from (new.status, new.enrolled_at, new.completed_at))
    execute function analytics_enrolled();
create trigger stacgate_counted after insert or delete on user_activity for each row execute function analytics_seen();

alter table analytics_totals add column active_day integer not null default 0, add column due_at timestamp not null default '-infinity';
delete from analytics_totals; -- all of it is counted anew, once

create function analytics_count(p_schools text[], utc timestamp) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into analytics_totals as t (establishment_id, data, at, due_at)
    select e.id, jsonb_build_object(
        'users', jsonb_build_object('total', coalesce(u.n, 0), 'active', coalesce(u.active, 0), 'newThisMonth', coalesce(u.fresh, 0),
            'byRole', coalesce(u.roles, '{}')),
        'courses', jsonb_build_object('total', coalesce(c.n, 0), 'active', coalesce(c.active, 0), 'byCategory', coalesce(c.categories, '[]')),
        'enrollments', jsonb_build_object('total', x.n, 'completed', x.completed, 'thisWeek', x.week),
        'completionRate', coalesce(round(100.0 * x.completed / nullif(x.n, 0), 2), 0),
        'activeUsers', jsonb_build_object('last30d', v.n), 'studyGroups', g.n, 'certificatesIssued', k.n,
        -- The names that old clients read.
        'totalUsers', coalesce(u.n, 0), 'newUsersThisMonth', coalesce(u.fresh, 0), 'activeCourses', coalesce(c.active, 0),
        'courseCompletionRate', coalesce(round(100.0 * x.completed / nullif(x.n, 0), 2), 0), 'totalEnrollments', x.n,
        'enrollmentsThisWeek', x.week), utc,
        least(date_trunc('month', utc) + interval '1 month', x.week_since + interval '7 days', v.since + interval '30 days')
    from establishments e
    cross join lateral (select sum(n) as n, sum(active) as active, sum(fresh) as fresh, jsonb_object_agg(role, n) as roles from (
                   select role, count(*) as n, count(*) filter (where is_active is not false) as active,
                          count(*) filter (where created_at >= date_trunc('month', utc)) as fresh
                   from users where establishment_id = e.id and email not like '%@deleted.invalid' group by 1) r) u
    cross join lateral (select sum(n) as n, sum(active) as active,
                      jsonb_agg(jsonb_build_object('category', category, 'count', n) order by n desc, category) as categories from (
                   select category, count(*) as n, count(*) filter (where is_active) as active from courses where establishment_id = e.id group by 1) r) c
    cross join lateral (select count(*) as n, count(*) filter (where status = 'completed') as completed,
                      count(*) filter (where enrolled_at >= utc - interval '7 days') as week,
                      min(enrolled_at) filter (where enrolled_at >= utc - interval '7 days') as week_since
               from user_courses where establishment_id = e.id and status is distinct from 'dropped') x
    cross join lateral (select count(*) as n, min(last_at) as since from (
                   select l.last_at from users u
                   cross join lateral (select a.last_at from user_activity a where a.user_id = u.id order by a.day desc limit 1) l
                   where u.establishment_id = e.id and l.last_at >= utc - interval '30 days') r) v
    cross join lateral (select count(*) as n from study_groups where establishment_id = e.id and room_of is null) g
    cross join lateral (select count(*) as n from certificates where establishment_id = e.id and is_valid is not false) k
    where e.id = any (p_schools)
    on conflict (establishment_id) do update set data = excluded.data, at = excluded.at, due_at = excluded.due_at
$$;

-- The days of p_schools (of each the one beside it) as they are now.
create function analytics_count_days(p_schools text[], p_days date[]) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into analytics_days as d (establishment_id, day, active_users, minutes, enrollments, completions)
    select w.school, w.day, a.people, a.minutes,
           (select count(*) from user_courses x where x.establishment_id = w.school and x.enrolled_at >= w.day and x.enrolled_at < w.day + 1
                                                  and x.status is distinct from 'dropped'),
           (select count(*) from user_courses x where x.establishment_id = w.school and x.completed_at >= w.day and x.completed_at < w.day + 1
                                                  and x.status = 'completed')
    from (select distinct school, day from unnest(p_schools, p_days) x (school, day) where isfinite(day)) w
    join establishments e on e.id = w.school
    cross join lateral (select count(*) as people, coalesce(sum(minutes), 0) as minutes from user_activity u
                        where u.establishment_id = w.school and u.day = w.day) a
    on conflict (establishment_id, day) do update set active_users = excluded.active_users, minutes = excluded.minutes,
        enrollments = excluded.enrollments, completions = excluded.completions
    where (d.active_users, d.minutes, d.enrollments, d.completions)
          is distinct from (excluded.active_users, excluded.minutes, excluded.enrollments, excluded.completions)
$$;

-- What people wrote and drew, counted on from the marks.
create function analytics_count_news(utc timestamp) returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    moved bigint;
begin
    with news as (
        select g.id, g.establishment_id, coalesce(m.seq, 0) as since, h.seq as until
        from study_groups g left join analytics_group_marks m on m.study_group_id = g.id
        cross join lateral (select max(s.seq) as seq from study_group_messages s where s.study_group_id = g.id) h
        where h.seq > coalesce(m.seq, 0)
    ), counted as (
        select n.establishment_id, coalesce(s.created_at, utc)::date as day, count(*) as messages
        from news n join study_group_messages s on s.study_group_id = n.id and s.seq > n.since and s.seq <= n.until group by 1, 2
    ), marked as (
        insert into analytics_group_marks select id, until from news on conflict (study_group_id) do update set seq = excluded.seq returning 1
    ), added as (
        insert into analytics_days as d (establishment_id, day, messages) select establishment_id, day, messages from counted
        on conflict (establishment_id, day) do update set messages = d.messages + excluded.messages
    )
    select count(*) into moved from marked;
    with news as (
        select c.id, c.establishment_id, coalesce(m.seq, 0) as since, c.last_seq as until
        from channels c left join analytics_board_marks m on m.channel = c.id
        where c.topic >= 'whiteboard:' and c.topic < 'whiteboard;' and c.last_seq > coalesce(m.seq, 0)
    ), counted as (
        select n.establishment_id, v.at::date as day, count(*) as ops
        from news n join channel_events v on v.channel = n.id and v.seq > n.since and v.seq <= n.until group by 1, 2
    ), marked as (
        insert into analytics_board_marks select id, until from news on conflict (channel) do update set seq = excluded.seq returning 1
    ), added as (
        insert into analytics_days as d (establishment_id, day, board_ops) select establishment_id, day, ops from counted
        on conflict (establishment_id, day) do update set board_ops = d.board_ops + excluded.board_ops
    )
    select moved + count(*) into moved from marked;
    return moved;
end $$;

drop function analytics_active();
create or replace function analytics_refresh() returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    utc constant timestamp := now() at time zone 'utc';
    since timestamp;             -- the turn before
    fresh text[];                -- schools that were never counted: all their days are
    changed text[];
    schools text[];              -- of each the day beside it
    days date[];
begin
    -- One at a time, should two processes count.
    perform pg_advisory_xact_lock(7520025);
    with taken as (delete from analytics_changes returning *)
    select coalesce(array_agg(distinct establishment_id), '{}'), array_agg(establishment_id) filter (where day is not null),
           array_agg(day) filter (where day is not null) into changed, schools, days from taken;
    select coalesce(array_agg(e.id) filter (where t.at is null), '{}'), min(t.at),
           changed || coalesce(array_agg(e.id) filter (where t.at is null or t.due_at < utc), '{}') into fresh, since, changed
    from establishments e left join analytics_totals t on t.establishment_id = e.id;
    perform analytics_count(changed, utc);

    select array_agg(x.school), array_agg(x.day) into schools, days from (
        select * from unnest(schools, days) as c (school, day)
        union select e.id, a.day from establishments e cross join lateral (
            select day from user_activity where establishment_id = e.id and last_at >= since - interval '5 minutes') a
        union select establishment_id, enrolled_at::date from user_courses where establishment_id = any (fresh)
        union select establishment_id, completed_at::date from user_courses where establishment_id = any (fresh)
        union select establishment_id, day from user_activity where establishment_id = any (fresh)
        union select establishment_id, day from analytics_days where establishment_id = any (fresh)) x;
    perform analytics_count_days(schools, days);

    update analytics_totals t set at = utc, active_now = v.minutes, active_day = v.day
    from establishments e cross join lateral (
        select count(distinct a.user_id) as day, count(distinct a.user_id) filter (where a.last_at > utc - interval '5 minutes') as minutes
        from user_activity a where a.establishment_id = e.id and a.last_at >= utc - interval '24 hours') v
    where t.establishment_id = e.id;
    return analytics_count_news(utc);
end $$;

select stacgate_publish(f::regprocedure) from unnest(array['analytics_changed()', 'analytics_enrolled()', 'analytics_seen()', 'analytics_refresh()',
    'analytics_count(text[], timestamp)', 'analytics_count_days(text[], date[])', 'analytics_count_news(timestamp)']) as f;
revoke execute on function analytics_changed(), analytics_enrolled(), analytics_seen(), analytics_count(text[], timestamp),
    analytics_count_days(text[], date[]), analytics_count_news(timestamp) from stacgate_app;

-- How many follow a course is what its enrolments say; former servers kept that number badly, or not at all.
update courses c set enrollment_count = n.n
from (select c.id, count(e.id) filter (where e.status is distinct from 'dropped') as n from courses c left join user_courses e on e.course_id = c.id group by 1) n
where n.id = c.id and coalesce(c.enrollment_count, 0) <> n.n;

-- Who is erased is in no list of people, and in no count of them.
create or replace function people_everywhere(p_most bigint, p_key timestamp, p_id text) returns table (at timestamp, id text, person json)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select x.at, x.id, (user_json(x.id)::jsonb || jsonb_build_object('establishmentName', e.name))::json
    from (select coalesce(u.created_at, 'epoch') as at, u.id::text, u.establishment_id from users u
          where (select stacgate_is_super_admin()) and (p_key is null or (coalesce(u.created_at, 'epoch'), u.id) < (p_key, p_id))
            and u.email not like '%@deleted.invalid'
          order by coalesce(u.created_at, 'epoch') desc, u.id desc limit p_most) x left join establishments e on e.id = x.establishment_id
$$;
create or replace function establishments_everywhere() returns table (at timestamp, id text, school json)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select coalesce(e.created_at, 'epoch'), e.id::text, json_build_object('id', e.id, 'name', e.name, 'slug', e.slug,
        'description', coalesce(e.description, ''), 'logo', e.logo, 'domain', e.domain, 'isActive', e.is_active is not false,
        'stats', json_build_object('users', (select count(*) from users u where u.establishment_id = e.id and u.email not like '%@deleted.invalid'),
                                   'courses', (select count(*) from courses c where c.establishment_id = e.id),
                                   'themes', (select count(*) from themes t where t.establishment_id = e.id)))
    from establishments e where (select stacgate_is_super_admin())
$$;
