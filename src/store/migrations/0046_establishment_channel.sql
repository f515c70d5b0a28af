-- The channel of an establishment: announcements for some roles, which are in no log that others read, and what its staff is told.
--
-- channel_tell(topic, event, payload, tenant) -> json     for run.h's fifth column: told by the channel if it is in memory, unnumbered
-- activity(type, what, tenant) -> json                    the same for what staff may follow live: {type, at, …what}
-- maintenance_said(on, message, since, by) -> json        says it in every establishment whose channel was ever used; whom to wake

create table role_announcements (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar not null references establishments on delete cascade,
    author_id varchar not null references users on delete cascade,
    op_id text,
    op_hash bigint,
    title text not null,
    body text not null,
    roles text[] not null,
    at timestamp(3) not null default (now() at time zone 'utc')
);
create unique index role_announcements_op on role_announcements (establishment_id, author_id, op_id) where op_id is not null;
create index role_announcements_author on role_announcements (author_id);
select stacgate_tenant_table('role_announcements');

create function channel_tell(p_topic text, p_event text, p_payload jsonb, p_tenant text) returns json language sql immutable as $$
    select json_build_object('topic', p_topic, 'tenant', p_tenant, 'event', p_event, 'payload', p_payload)
$$;

create function activity(p_type text, p_what jsonb, p_tenant text default current_setting('stacgate.establishment_id')) returns json
language sql stable as $$
    select channel_tell('establishment:' || p_tenant, 'activity',
                        jsonb_build_object('type', p_type, 'at', iso8601((now() at time zone 'utc')::timestamp(3))) || p_what, p_tenant)
$$;

select stacgate_definer_reads('channel_said', 'select, insert');
create function maintenance_said(p_on boolean, p_message text, p_since timestamp) returns json
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with said as (
        insert into channel_said (topic, establishment_id, event, payload, actor_id)
        select c.topic, c.establishment_id, 'maintenance',
               jsonb_build_object('isMaintenance', p_on, 'message', p_message, 'since', iso8601(p_since)),
               coalesce(nullif(current_setting('stacgate.user_id', true), ''), '')
        from channels c where c.topic like 'establishment:%'
        returning topic, establishment_id
    )
    select json_agg(json_build_object('topic', topic, 'tenant', establishment_id, 'says', true)) from said
$$;
select stacgate_publish('maintenance_said(boolean, text, timestamp)'::regprocedure);
