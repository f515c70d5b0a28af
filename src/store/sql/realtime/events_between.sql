-- Events of the log, for a resume. $1 topic, $2 after, $3 up to.
with e as (
    select e.seq, e.event, e.actor_id, e.op_id, iso8601(e.at) as at, e.payload
    from channels c join channel_events e on e.channel = c.id and e.seq > $2 and e.seq <= $3
    where c.topic = $1
), cards as (
    select * from person_cards((select array_agg(distinct actor_id) from e))
)
select e.seq, e.event, e.actor_id, e.op_id, e.at, e.payload,
       jsonb_build_object('id', e.actor_id, 'firstName', coalesce(p.first_name, ''), 'lastName', coalesce(p.last_name, ''),
                          'profileImageUrl', p.profile_image_url)
from e left join cards p on p.id = e.actor_id
order by e.seq
