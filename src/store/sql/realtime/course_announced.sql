-- An announcement of this batch, which is one push, for the enrolled who are not here to read it: a notification each, and whom to tell.
-- $1 topic, $2 fence, $3 course id.
with e as (
    select e.payload ->> 'title' as title, e.payload ->> 'body' as body, e.actor_id
    from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
    where c.topic = $1 and c.fence = $2 and e.event = 'announcement'
)
select json_agg(n) filter (where n is not null)
from e, (select distinct user_id from user_courses where course_id = $3 and status is distinct from 'dropped') x,
     lateral notify(x.user_id, 'new_announcement', jsonb_build_object('courseId', $3::text, 'authorId', e.actor_id), e.title, e.title, e.body, e.body) n
where x.user_id <> e.actor_id
