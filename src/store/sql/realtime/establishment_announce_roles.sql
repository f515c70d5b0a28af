-- An announcement for some roles: once for an op id, a notification for each of them, and whom to tell. No row: the same one is being made
-- this moment, ask again. $1 topic, $2 establishment, $3 author, $4 op id or null, $5 hash of the push, $6 title, $7 body, $8 roles (JSON).
-- (conflict, id, at, whom to tell)
with old as (
    select id, at, op_hash is distinct from $5::bigint as other from role_announcements
    where establishment_id = $2 and author_id = $3 and op_id = $4
), logged as (
    select from channels c join channel_events e on e.channel = c.id and e.actor_id = $3 and e.op_id = $4 where c.topic = $1
), made as (
    insert into role_announcements (establishment_id, author_id, op_id, op_hash, title, body, roles)
    select $2, $3, $4, $5, $6, $7, array(select jsonb_array_elements_text($8::jsonb))
    where not exists (select from old) and not exists (select from logged)
    on conflict (establishment_id, author_id, op_id) where op_id is not null do nothing
    returning *
), told as (
    select notify(u.id, 'new_announcement', jsonb_build_object('authorId', $3::text), title, title, body, body) as n
    from made, users u where u.establishment_id = $2 and u.role::text = any (roles) and u.is_active is not false and u.id <> $3
    union all
    select channel_tell($1, 'announcement', jsonb_build_object('id', made.id, 'at', iso8601(at), 'by', $3::text, 'user',
        (select jsonb_build_object('id', p.id, 'firstName', p.first_name, 'lastName', p.last_name, 'profileImageUrl', p.profile_image_url)
         from person_cards(array[$3::text]) p), 'title', title, 'body', body, 'audience', to_jsonb(roles)), $2)
    from made
)
select false, id, iso8601(at), (select json_agg(n) from told where n is not null) from made
union all select other, id, iso8601(at), null from old
union all select true, null, null, null from logged
