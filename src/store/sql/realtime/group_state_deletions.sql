-- Messages deleted in this batch: their text goes from the message and from every event that carried it. $1 topic, $2 fence, $3 group id.
with gone as (
    select c.id as channel, e.ref, e.at
    from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
    where c.topic = $1 and c.fence = $2 and e.event = 'message:deleted'
), emptied as (
    update study_group_messages m
    set is_deleted = true, content = '', metadata = null, updated_at = gone.at
    from gone
    where m.id = gone.ref and m.study_group_id = $3
    returning m.id, m.seq, gone.channel
), reactions as (
    delete from message_reactions r using emptied where r.message_id = emptied.id
), votes as (
    delete from poll_votes v using emptied where v.message_id = emptied.id
), counted as (
    update channel_events e
    set payload = jsonb_build_object('messageId', e.ref, 'isDeleted', true) || case when e.payload ? 'anonymous' then '{"anonymous": true}'::jsonb else '{}' end
    from emptied
    where e.channel = emptied.channel and e.ref = emptied.id and e.event = 'poll:updated'
), said as (
    update channel_events e
    set payload = jsonb_build_object('id', e.ref, 'type', 'text', 'content', '', 'metadata', null, 'replyToId', null, 'isDeleted', true)
    from emptied
    where e.channel = emptied.channel and e.seq = emptied.seq and e.event = 'message'
)
update channel_events e
set payload = jsonb_build_object('id', e.ref, 'content', '', 'isDeleted', true)
from emptied
where e.channel = emptied.channel and e.ref = emptied.id and e.event = 'message:updated'
