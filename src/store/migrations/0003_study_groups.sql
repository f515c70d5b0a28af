-- Study groups as durable channels: every message has a place (seq) in its group, every membership and reaction is one row, and
-- what happens is logged in channel_events before anybody sees it. An adopted database's duplicates lose here, by a rule, with a
-- report; nothing is thrown away.

-- Rows that a new unique key refuses are kept here whole.
create table adoption_rejects (
    id bigint generated always as identity primary key,
    table_name text not null,
    reason text not null,
    "row" jsonb not null,
    at timestamp not null default (now() at time zone 'utc')
);

alter table study_group_messages add column if not exists seq bigint, add column if not exists client_op_id text;
with numbered as (
    select id, row_number() over (partition by study_group_id order by created_at nulls first, id) as n from study_group_messages
)
update study_group_messages m set seq = n from numbered where numbered.id = m.id and m.seq is null;
create unique index study_group_messages_seq on study_group_messages (study_group_id, seq);

alter table study_group_members add column if not exists last_read_seq bigint default 0, add column if not exists muted_until timestamp;
-- What was said before the adoption counts as read.
update study_group_members m set last_read_seq = h.head
from (select study_group_id, max(seq) as head from study_group_messages group by 1) h where h.study_group_id = m.study_group_id;

-- One active membership per (group, user): the highest role stays, then the oldest.
do $$
declare
    n bigint;
begin
    with ranked as (
        select id, row_number() over (partition by study_group_id, user_id order by
            case role when 'admin' then 0 when 'moderator' then 1 else 2 end, joined_at nulls last, id) as place
        from study_group_members where is_active
    ), lost as (
        update study_group_members m set is_active = false from ranked
        where ranked.id = m.id and place > 1 returning m.study_group_id
    ), recount as (
        update study_groups g set current_members = (select count(*) from ranked join study_group_members m using (id)
                                                     where place = 1 and m.study_group_id = g.id)
        where g.id in (select study_group_id from lost)
    )
    select count(*) into n from lost;
    if n > 0 then
        raise notice 'study_group_members: % double memberships deactivated', n;
    end if;
end $$;
create unique index study_group_members_active on study_group_members (study_group_id, user_id) where is_active;
create index stacgate_study_group_members_group on study_group_members (study_group_id);
create index stacgate_study_group_members_user on study_group_members (user_id);

-- One reaction per (message, user, emoji): the oldest stays.
do $$
declare
    n bigint;
begin
    with ranked as (
        select id, row_number() over (partition by message_id, user_id, emoji order by created_at nulls last, id) as place
        from message_reactions
    ), lost as (
        delete from message_reactions r using ranked where ranked.id = r.id and place > 1 returning r.*
    ), kept as (
        insert into adoption_rejects (table_name, reason, "row")
        select 'message_reactions', 'the same reaction by the same person twice', to_jsonb(lost) from lost returning 1
    )
    select count(*) into n from kept;
    if n > 0 then
        raise notice 'message_reactions: % doubles moved to adoption_rejects', n;
    end if;
end $$;
create unique index message_reactions_once on message_reactions (message_id, user_id, emoji);

-- One enrolment that is not dropped per (user, course, session): the furthest stays, then the oldest.
do $$
declare
    n bigint;
begin
    with ranked as (
        select id, row_number() over (partition by user_id, course_id, session_id order by (status = 'completed') desc nulls last,
            progress desc nulls last, enrolled_at nulls last, id) as place
        from user_courses where status is distinct from 'dropped' and user_id is not null and course_id is not null
    ), lost as (
        update user_courses c set status = 'dropped' from ranked where ranked.id = c.id and place > 1 returning 1
    )
    select count(*) into n from lost;
    if n > 0 then
        raise notice 'user_courses: % double enrolments dropped', n;
    end if;
end $$;
create unique index user_courses_once on user_courses (user_id, course_id, session_id) nulls not distinct
    where status is distinct from 'dropped' and user_id is not null and course_id is not null;

-- A durable channel: epoch is its history's identity, fence its writer's, batch_from … last_seq the batch committed last.
-- Room on the page keeps the updates of last_seq heap-only.
create table channels (
    id bigint generated always as identity unique,
    topic text primary key,
    establishment_id varchar not null,
    epoch text not null default replace(gen_random_uuid()::text, '-', ''),
    fence bigint not null default 0,
    last_seq bigint not null default 0,
    first_seq bigint not null default 1,
    batch_from bigint not null default 1
) with (fillfactor = 50);

-- The log. No foreign keys: they cost a third of it, and its only writer is the channel's actor.
create table channel_events (
    channel bigint,
    seq bigint,
    establishment_id varchar not null,
    event text not null,
    payload jsonb not null,
    actor_id varchar not null,
    op_id text,
    op_hash bigint,
    ref text,
    at timestamp(3) not null default (now() at time zone 'utc'),
    primary key (channel, seq)
);
create unique index channel_events_op on channel_events (channel, actor_id, op_id) where op_id is not null;
create index channel_events_ref on channel_events (channel, ref) where event = 'message:updated';
