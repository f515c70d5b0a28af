-- Operations as the log has them, ascending by seq: the first $5 after $4, else the last $5 before $3. $1 board id, $2 establishment.
-- One row: the list as {event, payload}, how many there are, whether there is more that way, and the first seq that the log keeps.
with e as (
    (select e.* from channels c join channel_events e on e.channel = c.id
     where c.topic = 'whiteboard:' || $1 and c.establishment_id = coalesce($2, c.establishment_id) and $4::bigint is null and ($3::bigint is null or e.seq < $3::bigint)
     order by e.seq desc limit $5::int + 1)
    union all
    (select e.* from channels c join channel_events e on e.channel = c.id
     where c.topic = 'whiteboard:' || $1 and c.establishment_id = coalesce($2, c.establishment_id) and $4::bigint is not null and e.seq > $4::bigint
     order by e.seq limit $5::int + 1)
), kept as (
    select * from (select e.*, row_number() over (order by case when $4::bigint is null then -seq else seq end) as place from e) ranked
    where place <= $5::int
)
select coalesce(jsonb_agg(jsonb_build_object('event', k.event, 'payload', jsonb_build_object('seq', k.seq, 'at', iso8601(k.at), 'by', k.actor_id)
                          || case when k.op_id is not null and k.op_id not like E'\x7f%' then jsonb_build_object('opId', k.op_id) else '{}' end
                          || k.payload) order by k.seq), '[]'),
       count(k.seq), (select count(*) > $5::int from e),
       (select c.first_seq from channels c where c.topic = 'whiteboard:' || $1 and c.establishment_id = coalesce($2, c.establishment_id))
from kept k
