-- People who left or were removed in this batch; the count stays exact. $1 topic, $2 fence, $3 group id.
with went as (
    update study_group_members m
    set is_active = false
    from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
    where c.topic = $1 and c.fence = $2 and e.event in ('member:left', 'member:kicked')
      and m.study_group_id = $3 and m.user_id = e.ref and m.is_active
    returning 1
)
update study_groups set current_members = greatest(coalesce(current_members, 0) - (select count(*) from went), 0), updated_at = now() at time zone 'utc'
where id = $3
