-- People who left or were removed in this batch; the count stays exact. Who leaves a group leaves its breakout rooms. $1 topic, $2 fence,
-- $3 group id.
with went as (
    update study_group_members m
    set is_active = false
    from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
    where c.topic = $1 and c.fence = $2 and e.event in ('member:left', 'member:kicked')
      and m.study_group_id = $3 and m.user_id = e.ref and m.is_active
    returning m.user_id
), rooms as (
    update study_group_members m set is_active = false
    from went, study_groups r where r.room_of = $3 and m.study_group_id = r.id and m.user_id = went.user_id and m.is_active
    returning m.study_group_id
), counted as (
    update study_groups r set current_members = greatest(coalesce(r.current_members, 0) - n, 0)
    from (select study_group_id, count(*) as n from rooms group by 1) c where r.id = c.study_group_id
)
update study_groups set current_members = greatest(coalesce(current_members, 0) - (select count(*) from went), 0), updated_at = now() at time zone 'utc'
where id = $3 and exists (select from went)
