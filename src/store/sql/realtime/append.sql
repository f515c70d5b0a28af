-- The batch becomes events: old op ids are answered with what they did, only new ones get a seq, without holes.
-- $1 topic, $2 fence, then one array each: $3 event, $4 payload (a JSON array: parsed once), $5 actor, $6 op id, $7 op hash, $8 ref.
with c as materialized (
    select id, establishment_id, last_seq, (now() at time zone 'utc')::timestamp(3) as at from channels where topic = $1 and fence = $2
), n as materialized (
    select * from rows from (unnest($3::text[]), jsonb_array_elements($4::jsonb), unnest($5::text[]), unnest($6::text[]),
                             unnest($7::bigint[]), unnest($8::text[]))
        with ordinality as n (event, payload, actor_id, op_id, op_hash, ref, place)
), old as materialized (
    select n.place, e.seq, e.at, e.ref, e.op_hash is not distinct from n.op_hash as same
    from c, n, lateral (
        select seq, at, ref, op_hash from channel_events
        where channel = c.id and actor_id = n.actor_id and op_id = n.op_id limit 1
    ) e
), fresh as materialized (
    select n.*, c.last_seq + row_number() over (order by n.place) as seq
    from c, n
    where n.place not in (select place from old)
), ins as (
    insert into channel_events (channel, seq, establishment_id, event, payload, actor_id, op_id, op_hash, ref, at)
    select c.id, f.seq, c.establishment_id, f.event, f.payload, f.actor_id, f.op_id, f.op_hash, f.ref, c.at from c, fresh f
), moved as (
    update channels set batch_from = c.last_seq + 1, last_seq = c.last_seq + (select count(*) from fresh)
    from c where channels.topic = $1
)
select place, seq, (select iso8601(at) from c), ref, true, true from fresh
union all
select place, seq, iso8601(at), ref, false, same from old
