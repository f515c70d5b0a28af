-- The batch becomes events, its op ids taken for new: one that is old violates channel_events_op, and append.sql takes the same batch.
-- $1 topic, $2 fence, then one array each: $3 event, $4 payload (a JSON array: parsed once), $5 actor, $6 op id, $7 op hash, $8 ref.
with c as materialized (
    select id, establishment_id, last_seq, (now() at time zone 'utc')::timestamp(3) as at from channels where topic = $1 and fence = $2
), n as materialized (
    select * from rows from (unnest($3::text[]), jsonb_array_elements($4::jsonb), unnest($5::text[]), unnest($6::text[]),
                             unnest($7::bigint[]), unnest($8::text[]))
        with ordinality as n (event, payload, actor_id, op_id, op_hash, ref, place)
), ins as (
    insert into channel_events (channel, seq, establishment_id, event, payload, actor_id, op_id, op_hash, ref, at)
    select c.id, c.last_seq + n.place, c.establishment_id, n.event, n.payload, n.actor_id, n.op_id, n.op_hash, n.ref, c.at from c, n
), moved as (
    update channels set batch_from = c.last_seq + 1, last_seq = c.last_seq + (select count(*) from n)
    from c where channels.topic = $1
)
select n.place, c.last_seq + n.place, iso8601(c.at), n.ref, true, true from c, n
