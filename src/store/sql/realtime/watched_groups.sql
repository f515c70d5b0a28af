-- The groups of people (no breakout rooms: who sits there hears it) with what is unread there: messages of others after the read mark. $1 user ids.
select m.study_group_id, coalesce(m.last_read_seq, 0),
       (select count(*) from study_group_messages g
        where g.study_group_id = m.study_group_id and g.seq > coalesce(m.last_read_seq, 0) and g.sender_id <> m.user_id),
       (select coalesce(max(g.seq), 0) from study_group_messages g where g.study_group_id = m.study_group_id), m.user_id
from study_group_members m join study_groups r on r.id = m.study_group_id and r.room_of is null
where m.user_id = any ($1::text[]) and m.is_active
