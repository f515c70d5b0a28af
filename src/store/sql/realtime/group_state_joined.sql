-- People who joined in this batch; the count stays exact. A mute that has not ended comes back with its person. $1 topic, $2 fence,
-- $3 group id.
with came as (
    insert into study_group_members (id, study_group_id, user_id, role, joined_at, last_active, is_active, last_read_seq, muted_until,
                                     establishment_id)
    select gen_random_uuid()::text, $3::text, e.ref, 'member', min(e.at), min(e.at), true, min(e.seq),
           (select max(o.muted_until) from study_group_members o
            where o.study_group_id = $3::text and o.user_id = e.ref and o.muted_until > now() at time zone 'utc'),
           e.establishment_id
    from channels c join channel_events e on e.channel = c.id and e.seq between c.batch_from and c.last_seq
    where c.topic = $1 and c.fence = $2 and e.event = 'member:joined'
    group by e.ref, e.establishment_id
    on conflict (study_group_id, user_id) where is_active do nothing
    returning 1
)
update study_groups set current_members = coalesce(current_members, 0) + (select count(*) from came), updated_at = now() at time zone 'utc'
where id = $3::text and exists (select from came)
