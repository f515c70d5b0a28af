-- An announcement of this batch, which is one push, for those who are not here to read it: a notification each, and whom to tell.
-- $1 topic, $2 fence, $3 establishment id.
with e as (
    select e.payload ->> 'title' as title, e.payload ->> 'body' as body, e.actor_id
    from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
    where c.topic = $1 and c.fence = $2 and e.event = 'announcement'
)
select json_agg(n) filter (where n is not null)
from e, users u, lateral notify(u.id, 'new_announcement', jsonb_build_object('authorId', e.actor_id), e.title, e.title, e.body, e.body) n
where u.establishment_id = $3 and u.is_active is not false and u.id <> e.actor_id
