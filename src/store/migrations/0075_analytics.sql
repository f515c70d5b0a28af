-- Roll-ups for analytics. Nothing here costs a request: who was active is noted when a session is renewed (once a minute and person), the
-- rest is counted by a clock, only what is new since its last turn.
--
-- user_active(user_id) -> void         notes a minute of use, by the trigger on sessions
-- analytics_refresh() -> bigint        brings every school's totals and days up to now; how many groups and boards had something new

create table user_activity (
    user_id varchar not null references users on delete cascade,
    day date not null,
    establishment_id varchar not null references establishments on delete cascade,
    minutes integer not null default 1,
    last_at timestamp not null,
    primary key (user_id, day)
);
create index user_activity_day on user_activity (establishment_id, day);
create index user_activity_last on user_activity (establishment_id, last_at);
select stacgate_tenant_table('user_activity', 'select');

create table analytics_totals (
    establishment_id varchar primary key references establishments on delete cascade,
    data jsonb not null,
    at timestamp not null
);
select stacgate_tenant_table('analytics_totals', 'select');

create table analytics_days (
    establishment_id varchar not null references establishments on delete cascade,
    day date not null,
    active_users integer not null default 0,
    minutes integer not null default 0,
    messages bigint not null default 0,
    board_ops bigint not null default 0,
    enrollments integer not null default 0,
    completions integer not null default 0,
    primary key (establishment_id, day)
);
select stacgate_tenant_table('analytics_days', 'select');

-- Up to where a group's messages and a board's operations are counted.
create table analytics_group_marks (study_group_id varchar primary key references study_groups on delete cascade, seq bigint not null);
create table analytics_board_marks (channel bigint primary key, seq bigint not null);
alter table analytics_group_marks enable row level security;
alter table analytics_board_marks enable row level security;

create index stacgate_user_courses_completed on user_courses (establishment_id, completed_at) where completed_at is not null;

select stacgate_definer_reads(t::regclass, 'select, insert, update, delete')
from unnest(array['user_activity', 'analytics_totals', 'analytics_days', 'analytics_group_marks', 'analytics_board_marks']) as t;
do $$
declare
    t text;
begin
    foreach t in array array['user_courses', 'study_group_messages', 'channels', 'channel_events'] loop
        execute format('create policy analytics on %I for select to stacgate_definer using (true)', t);
        execute format('grant select on %I to stacgate_definer', t);
    end loop;
end $$;

create function user_active(p_user text) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into user_activity as a (user_id, day, establishment_id, minutes, last_at)
    select u.id, (now() at time zone 'utc')::date, u.establishment_id, 1, now() at time zone 'utc' from users u
    where u.id = p_user and u.establishment_id is not null
    on conflict (user_id, day) do update set last_at = excluded.last_at, minutes = a.minutes + 1
        where date_trunc('minute', a.last_at) < date_trunc('minute', excluded.last_at)
$$;

create function session_used() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform user_active(new.sess ->> 'userId');
    return null;
end $$;
create trigger stacgate_used after insert or update of expire on sessions for each row execute function session_used();

create function analytics_refresh() returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    utc constant timestamp := now() at time zone 'utc';
    moved bigint;
begin
    -- One at a time, should two processes count.
    perform pg_advisory_xact_lock(7520025);

    insert into analytics_totals as t (establishment_id, data, at)
    select e.id, jsonb_build_object(
        'users', jsonb_build_object('total', coalesce(u.n, 0), 'active', coalesce(u.active, 0), 'newThisMonth', coalesce(u.fresh, 0),
            'byRole', coalesce(u.roles, '{}')),
        'courses', jsonb_build_object('total', coalesce(c.n, 0), 'active', coalesce(c.active, 0), 'byCategory', coalesce(c.categories, '[]')),
        'enrollments', jsonb_build_object('total', coalesce(x.n, 0), 'completed', coalesce(x.completed, 0), 'thisWeek', coalesce(x.week, 0)),
        'completionRate', coalesce(round(100.0 * x.completed / nullif(x.n, 0), 2), 0),
        'activeUsers', jsonb_build_object('last24h', coalesce(v.day, 0), 'last30d', coalesce(v.month, 0)),
        'studyGroups', coalesce(g.n, 0), 'certificatesIssued', coalesce(k.n, 0),
        -- The names that old clients read.
        'totalUsers', coalesce(u.n, 0), 'newUsersThisMonth', coalesce(u.fresh, 0), 'activeCourses', coalesce(c.active, 0),
        'courseCompletionRate', coalesce(round(100.0 * x.completed / nullif(x.n, 0), 2), 0), 'totalEnrollments', coalesce(x.n, 0),
        'enrollmentsThisWeek', coalesce(x.week, 0)), utc
    from establishments e
    left join (select establishment_id, sum(n) as n, sum(active) as active, sum(fresh) as fresh, jsonb_object_agg(role, n) as roles from (
                   select establishment_id, role, count(*) as n, count(*) filter (where is_active is not false) as active,
                          count(*) filter (where created_at >= date_trunc('month', utc)) as fresh
                   from users where establishment_id is not null group by 1, 2) r group by 1) u on u.establishment_id = e.id
    left join (select establishment_id, sum(n) as n, sum(active) as active,
                      jsonb_agg(jsonb_build_object('category', category, 'count', n) order by n desc, category) as categories from (
                   select establishment_id, category, count(*) as n, count(*) filter (where is_active) as active
                   from courses group by 1, 2) r group by 1) c on c.establishment_id = e.id
    left join (select establishment_id, count(*) as n, count(*) filter (where status = 'completed') as completed,
                      count(*) filter (where enrolled_at >= utc - interval '7 days') as week
               from user_courses where status is distinct from 'dropped' group by 1) x on x.establishment_id = e.id
    left join (select u.establishment_id, count(*) filter (where l.last_at >= utc - interval '24 hours') as day, count(*) as month
               from users u cross join lateral (select a.last_at from user_activity a where a.user_id = u.id order by a.day desc limit 1) l
               where l.last_at >= utc - interval '30 days' group by 1) v on v.establishment_id = e.id
    left join (select establishment_id, count(*) as n from study_groups group by 1) g on g.establishment_id = e.id
    left join (select establishment_id, count(*) as n from certificates where is_valid is not false group by 1) k on k.establishment_id = e.id
    on conflict (establishment_id) do update set data = excluded.data, at = excluded.at;

    -- What people wrote and drew, counted on from the marks.
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

    -- People and places of a day can still change until the day after it; a school that is new here gets all its days.
    with since as (
        select e.id, case when t.data is null or not exists (select from analytics_days d where d.establishment_id = e.id and d.enrollments
                                                                                                                    + d.active_users > 0)
                          then '-infinity'::timestamp else date_trunc('day', utc) - interval '1 day' end as at
        from establishments e left join analytics_totals t on t.establishment_id = e.id
    ), parts as (
        select a.establishment_id, a.day, count(*) as people, sum(a.minutes) as minutes, 0::bigint as enrolled, 0::bigint as completed
        from since s join user_activity a on a.establishment_id = s.id and a.day >= s.at group by 1, 2
        union all
        select x.establishment_id, x.enrolled_at::date, 0, 0, count(*), 0
        from since s join user_courses x on x.establishment_id = s.id and x.enrolled_at >= s.at where x.status is distinct from 'dropped' group by 1, 2
        union all
        select x.establishment_id, x.completed_at::date, 0, 0, 0, count(*)
        from since s join user_courses x on x.establishment_id = s.id and x.completed_at >= s.at where x.status = 'completed' group by 1, 2
    ), days as (
        select establishment_id, day, sum(people) as people, sum(minutes) as minutes, sum(enrolled) as enrolled, sum(completed) as completed
        from parts where isfinite(day) group by 1, 2
    )
    insert into analytics_days as d (establishment_id, day, active_users, minutes, enrollments, completions)
    select establishment_id, day, people, minutes, enrolled, completed from days
    on conflict (establishment_id, day) do update set active_users = excluded.active_users, minutes = excluded.minutes,
        enrollments = excluded.enrollments, completions = excluded.completions
    where (d.active_users, d.minutes, d.enrollments, d.completions)
          is distinct from (excluded.active_users, excluded.minutes, excluded.enrollments, excluded.completions);
    return moved;
end $$;
select stacgate_publish(f::regprocedure) from unnest(array['user_active(text)', 'analytics_refresh()', 'session_used()']) as f;
revoke execute on function session_used(), user_active(text) from stacgate_app;
