-- What was said for a channel's members and is not in its log yet, in order: id, event, payload, who said it as channels pack a user.
-- $1 topic, $2 how many at most.
with s as (
    select * from channel_said where topic = $1 order by id limit $2::bigint
), cards as (
    select * from person_cards((select coalesce(array_agg(distinct actor_id), '{}') from s))
)
select s.id, s.event, s.payload,
       jsonb_build_array(s.actor_id, coalesce(p.first_name, ''), coalesce(p.last_name, ''), coalesce(p.profile_image_url, ''), 0, false)
from s left join cards p on p.id = s.actor_id
order by s.id
