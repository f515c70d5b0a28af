-- A poll opened or closed in this batch, which is one push. $1 topic, $2 fence, $3 session id.
with e as (
    select e.event, e.payload, e.ref, e.actor_id, e.establishment_id, e.at
    from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
    where c.topic = $1 and c.fence = $2 and not e.payload ? 'unchanged'
), opened as (
    insert into session_polls (id, session_id, establishment_id, question, options, multiple, anonymous, opened_by, opened_at)
    select e.ref, $3, e.establishment_id, p ->> 'question', p -> 'options', (p ->> 'multiple')::boolean, (p ->> 'anonymous')::boolean,
           e.actor_id, e.at
    from e, lateral (select e.payload -> 'poll' as p) x where e.event = 'poll:opened'
)
update session_polls p set closed_at = e.at from e where e.event = 'poll:closed' and p.id = e.ref and p.session_id = $3 and p.closed_at is null
