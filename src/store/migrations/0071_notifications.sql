-- Notifications in the application: made in the transaction of what they tell, in the reader's language, and said on `user:` after it.
--
-- notify(user_id, type, data, title_fr, title_en, message_fr, message_en) -> json
--     a row for that person unless they want none of the type; {userId, event, payload} for run.h's fifth column, or null

create table notification_preferences (
    user_id varchar not null references users on delete cascade,
    establishment_id varchar not null references establishments on delete cascade,
    type notification_type not null,
    medium text not null default 'app',
    enabled boolean not null,
    primary key (user_id, type, medium)
);
select stacgate_tenant_table('notification_preferences');

create index stacgate_notifications_newest on notifications (user_id, created_at desc, id desc);
create index stacgate_notifications_unread on notifications (user_id) where is_read is not true;

create function notification_json(n notifications) returns json language sql stable as $$
    select json_build_object('id', n.id, 'type', n.type, 'title', n.title, 'message', n.message, 'data', coalesce(n.data, '{}'),
        'isRead', coalesce(n.is_read, false), 'readAt', iso8601(n.read_at), 'createdAt', iso8601(n.created_at))
$$;

create function notify(p_user text, p_type text, p_data jsonb, title_fr text, title_en text, message_fr text, message_en text) returns json
language sql volatile as $$
    with reader as (
        select u.id, u.establishment_id, u.preferences ->> 'language' = 'en' as english from users u
        where u.id = p_user and u.establishment_id is not null and u.is_active is not false
          and not exists (select from notification_preferences x where x.user_id = u.id and x.type = p_type::notification_type
                          and x.medium = 'app' and not x.enabled)
    ), made as (
        insert into notifications (user_id, establishment_id, type, title, message, data, is_read, created_at)
        select id, establishment_id, p_type::notification_type, case when english then title_en else title_fr end,
               case when english then message_en else message_fr end, p_data, false, now() at time zone 'utc' from reader
        returning notifications as n
    )
    select json_build_object('userId', (n).user_id, 'event', 'notification', 'payload', notification_json(n)) from made
$$;
