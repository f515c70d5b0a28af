-- What statements outside a channel's actor have changed for its members to see: written with the change itself, numbered by the actor. A row
-- lives from that commit until the actor has made an event of it, in one transaction; so nothing is lost, and nothing is told twice.
--
-- channel_say(topic, event, payload, by) -> json      the row; {topic, tenant, says} for run.h's fifth column: that channel is woken
-- channel_look(topic) -> json                         no row: a channel that is in memory looks who belongs to it now
-- permission_holders(permission) -> setof text        the people of this school who have it, by role or by a grant of their own

create table channel_said (
    id bigint generated always as identity primary key,
    topic text not null,
    establishment_id varchar not null references establishments on delete cascade,
    event text not null,
    payload jsonb not null,
    actor_id varchar not null
);
create index channel_said_topic on channel_said (topic, id);
select stacgate_tenant_table('channel_said');

create function channel_look(p_topic text) returns json language sql stable as $$
    select json_build_object('topic', p_topic, 'tenant', current_setting('stacgate.establishment_id'))
$$;

create function channel_say(p_topic text, p_event text, p_payload json, p_by text) returns json language sql volatile as $$
    insert into channel_said (topic, establishment_id, event, payload, actor_id)
    values (p_topic, current_setting('stacgate.establishment_id'), p_event, p_payload, p_by)
    returning json_build_object('topic', topic, 'tenant', establishment_id, 'says', true)
$$;

create index stacgate_users_role on users (establishment_id, role);
create function permission_holders(p_permission text) returns setof text language sql stable as $$
    with its as (
        select id from permissions where name = p_permission
    ), own as (
        select x.user_id, bool_and(x.granted is not false) as granted from user_permissions x
        where x.permission_id in (select id from its) and (x.expires_at is null or x.expires_at > now() at time zone 'utc') group by 1
    )
    select u.id from users u
    where u.establishment_id = current_setting('stacgate.establishment_id') and u.is_active is not false
      and u.role in (select r.role from role_permissions r where r.permission_id in (select id from its))
      and u.id not in (select user_id from own where not granted)
    union
    select u.id from users u
    where u.id in (select user_id from own where granted) and u.establishment_id = current_setting('stacgate.establishment_id')
      and u.is_active is not false
$$;
