-- Votes of this batch, the last one of each person; what an anonymous one chose leaves the log at once. $1 topic, $2 fence.
with voted as (
    select e.channel, e.seq, e.establishment_id, e.ref, e.actor_id, e.at, e.payload ? 'secret' as secret,
           array(select jsonb_array_elements_text(coalesce(e.payload -> 'secret', e.payload -> 'vote') -> 'options')) as options
    from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
    where c.topic = $1 and c.fence = $2 and e.event = 'poll:updated'
), kept as (
    insert into session_poll_votes (poll_id, user_id, establishment_id, options, voted_at)
    select distinct on (ref, actor_id) ref, actor_id, establishment_id, options, at from voted order by ref, actor_id, seq desc
    on conflict (poll_id, user_id) do update set options = excluded.options, voted_at = excluded.voted_at
)
update channel_events e set payload = e.payload - 'secret'
from voted where e.channel = voted.channel and e.seq = voted.seq and voted.secret
