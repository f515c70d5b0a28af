-- 1,000 certificates with their notifications, three times in turn: each by a function in SQL, as it was until migration 0116, and all by certificates_issue. As the
-- server's role, in a transaction that is undone. Prints the medians, microseconds of the back end's CPU a certificate: each|all.
\set ON_ERROR_STOP on
\set QUIET on
begin;
insert into courses (id, establishment_id, title, description, category, type, is_active)
select 'bench-course', id, 'Banc', 'B', 'B', 'cours', true from establishments order by id limit 1 returning establishment_id as school \gset
insert into users (id, username, password, establishment_id, email, role)
select 'bench-' || n, 'bench-' || n, '', :'school', 'bench-' || n || '@certificates.test', 'apprenant' from generate_series(1, 1000) n;
create temp table took (way text, us numeric);
grant insert on took to stacgate_app;
create function pg_temp.cpu_us() returns numeric language sql volatile security definer as $$
    select split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::numeric / 1000
$$;
create function pg_temp.issue(p_user text, p_course text, p_issuer text) returns json language sql volatile as $$
    with made as (
        insert into certificates (user_id, course_id, establishment_id, certificate_number, title, verification_code, issue_date, is_valid, issued_by)
        select p_user, c.id, c.establishment_id, 'SG-' || to_char(now() at time zone 'utc', 'YYYY') || '-'
                   || upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 12)), c.title,
               replace(gen_random_uuid()::text, '-', ''), now() at time zone 'utc', true, p_issuer
        from courses c where c.id = p_course
          and not exists (select from certificates k where k.user_id = p_user and k.course_id = p_course and k.is_valid is not false)
        returning certificates as k
    )
    select notify((k).user_id, 'system_update', jsonb_build_object('certificateId', (k).id, 'courseId', (k).course_id,
        'verificationCode', (k).verification_code), 'Certificat obtenu', 'Certificate earned',
        'Votre certificat « ' || (k).title || ' » est disponible.', 'Your certificate "' || (k).title || '" is available.') from made
$$;
create function pg_temp.measure(p_way text) returns void language plpgsql as $$
declare
    learners text[] := array(select 'bench-' || n from generate_series(1, 1000) n);
    began numeric := pg_temp.cpu_us();
begin
    if p_way = 'each' then
        perform count(*) from (select pg_temp.issue(learner, 'bench-course', null) from unnest(learners) learner offset 0) each;
    else
        perform count(*) from certificates_issue(learners, 'bench-course', null);
    end if;
    insert into took values (p_way, (pg_temp.cpu_us() - began) / 1000);
    delete from certificates where course_id = 'bench-course';
end $$;
select set_config('stacgate.establishment_id', :'school', true) \g /dev/null
set local role stacgate_app;
select pg_temp.measure(way) from generate_series(1, 3), unnest(array['each', 'all']) way \g /dev/null
reset role;
select round(percentile_cont(0.5) within group (order by us) filter (where way = 'each')) || '|'
       || round(percentile_cont(0.5) within group (order by us) filter (where way = 'all')) from took;
rollback;
