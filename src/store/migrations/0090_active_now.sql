-- Who is active now (five minutes) joins a school's totals: counted at each question it cost what a school at work has people. Every turn of
-- the roll-up brings it up to now.
alter table analytics_totals add column active_now integer not null default 0;
create function analytics_active() returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update analytics_totals t set active_now = x.n
    from (select e.id, (select count(distinct a.user_id) from user_activity a
                        where a.establishment_id = e.id and a.last_at > now() at time zone 'utc' - interval '5 minutes') as n
          from establishments e) x
    where t.establishment_id = x.id and t.active_now <> x.n
$$;
select stacgate_publish('analytics_active()'::regprocedure);
