-- Mutes and unmutes of this batch; the last one of a person stands. $1 topic, $2 fence, $3 group id.
update study_group_members m
set muted_until = e.until
from (select distinct on (e.ref) e.ref,
             case when e.event = 'member:muted'
                  then coalesce((e.payload ->> 'until')::timestamptz at time zone 'utc', 'infinity'::timestamp) end as until
      from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
      where c.topic = $1 and c.fence = $2 and e.event in ('member:muted', 'member:unmuted')
      order by e.ref, e.seq desc) e
where m.study_group_id = $3 and m.user_id = e.ref and m.is_active
