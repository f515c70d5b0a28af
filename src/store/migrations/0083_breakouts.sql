-- Breakout rooms: a study group each, that belongs to another (room_of) and is in no list of groups. Which rooms are open, and who sits where,
-- is what their class stands at (study_sessions.live -> 'breakout': {rooms: [{groupId, whiteboardId, name, userIds}], endsAt}); rooms, boards and
-- memberships follow it in the same transaction, whoever changes it. Who hosts the class moderates each of its rooms.
--
-- breakouts_due(within_s) -> table (establishment_id, id)     classes whose rooms are to be closed by then

alter table study_groups add column room_of varchar,
    add constraint study_groups_room_of_tenant foreign key (room_of, establishment_id) references study_groups (id, establishment_id) on delete cascade;
create index stacgate_study_groups_rooms on study_groups (room_of, created_at desc, id desc) where room_of is not null;
create index stacgate_study_sessions_breakout on study_sessions (id) where jsonb_typeof(live -> 'breakout') = 'object';

create function breakout_rooms_of(p_live jsonb) returns table (id text, board text, name text, people jsonb)
language sql immutable as $$
    select r ->> 'groupId', r ->> 'whiteboardId', r ->> 'name', r -> 'userIds'
    from jsonb_array_elements(case when jsonb_typeof(p_live -> 'breakout' -> 'rooms') = 'array' then p_live -> 'breakout' -> 'rooms' else '[]' end) r
$$;

create function breakout_follow() returns trigger language plpgsql as $$
declare
    utc constant timestamp := now() at time zone 'utc';
begin
    -- Closed: read only. Who sat there still belongs, to read on.
    update study_groups g set status = 'archived', row_version = g.row_version + 1, updated_at = utc
    from breakout_rooms_of(old.live) o
    where g.id = o.id and g.room_of = new.study_group_id and o.id not in (select n.id from breakout_rooms_of(new.live) n);

    insert into study_groups as g (id, establishment_id, created_by, name, max_members, current_members, status, is_public, room_of, created_at, updated_at)
    select n.id, new.establishment_id, new.host_id, n.name, 10000, 0, 'active', false, new.study_group_id, utc, utc
    from breakout_rooms_of(new.live) n where n.id not in (select o.id from breakout_rooms_of(old.live) o)
    on conflict (id) do update set name = excluded.name, status = 'active', row_version = g.row_version + 1, updated_at = utc
        where g.room_of = excluded.room_of;
    insert into whiteboards (id, study_group_id, establishment_id, created_by, title, data, created_at, updated_at)
    select n.board, n.id, new.establishment_id, new.host_id, n.name, '{"elements": []}', utc, utc from breakout_rooms_of(new.live) n
    on conflict (id) do nothing;

    with seats as materialized (
        select n.id as room, p.user_id, 'member' as role
        from breakout_rooms_of(new.live) n, jsonb_array_elements_text(n.people) p (user_id)
        where p.user_id <> new.host_id and exists (select from study_group_members m where m.study_group_id = new.study_group_id
                                                   and m.user_id = p.user_id and m.is_active)
        union all select n.id, new.host_id, 'moderator' from breakout_rooms_of(new.live) n
    ), gone as (
        update study_group_members m set is_active = false
        from breakout_rooms_of(new.live) n
        where m.study_group_id = n.id and m.is_active and not exists (select from seats s where s.room = n.id and s.user_id = m.user_id)
    )
    insert into study_group_members as m (id, study_group_id, user_id, role, joined_at, last_active, is_active, muted_until, establishment_id)
    select gen_random_uuid()::text, s.room, s.user_id, s.role, utc, utc, true,
           (select max(o.muted_until) from study_group_members o where o.study_group_id = s.room and o.user_id = s.user_id and o.muted_until > utc),
           new.establishment_id
    from seats s
    on conflict (study_group_id, user_id) where is_active do update set role = excluded.role where m.role is distinct from excluded.role;
    update study_groups g set current_members = c.n
    from breakout_rooms_of(new.live) n, lateral (select count(*) as n from study_group_members m where m.study_group_id = n.id and m.is_active) c
    where g.id = n.id and g.current_members is distinct from c.n;
    return null;
end $$;
create trigger breakout after update of live, host_id on study_sessions for each row
    when (old.live -> 'breakout' is distinct from new.live -> 'breakout' or old.host_id <> new.host_id)
    execute function breakout_follow();

create function breakouts_due(p_within integer) returns table (establishment_id text, id text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select s.establishment_id::text, s.id::text from study_sessions s
    where jsonb_typeof(s.live -> 'breakout') = 'object'
      and stacgate_time(s.live -> 'breakout' ->> 'endsAt') <= (now() at time zone 'utc') + p_within * interval '1 second'
    limit 1000
$$;
select stacgate_publish('breakouts_due(integer)'::regprocedure);

-- Rooms do not count as study groups of a school.
do $$
declare
    old constant text := pg_get_functiondef('analytics_refresh()'::regprocedure);
    new constant text := replace(old, 'from study_groups group by 1', 'from study_groups where room_of is null group by 1');
begin
    if new = old then
        raise 'analytics_refresh() counts study groups in some other way';
    end if;
    execute new;
end $$;
