-- The groups that $2 may see, breakout rooms aside: public ones, their own, all of them for staff ($3). $1 tenant filter, $4 course, $5 status, $6 mine only,
-- $7 words, $8 limit, $9 $10 cursor (time, id), $11 count wanted. The list, the next cursor, the count.
with seen as (
    select g.*, m.id is not null as is_member, m.role as my_role, coalesce(m.last_read_seq, 0) as last_read_seq,
           coalesce(g.created_at, 'epoch') as at
    from study_groups g
    left join study_group_members m on m.study_group_id = g.id and m.user_id = $2 and m.is_active
    where g.establishment_id = coalesce($1, g.establishment_id) and g.room_of is null
      and (g.is_public is not false or m.id is not null or $3::boolean)
      and ($4::text is null or g.course_id = $4) and ($5::text is null or g.status::text = $5)
      and ($6::boolean is null or $6::boolean = (m.id is not null))
      and ($7::text is null or strpos(stacgate_fold(g.name || ' ' || coalesce(g.description, '')), stacgate_fold($7)) > 0)
), ahead as (
    select * from seen where $9::text is null or (at, id) < ($9::timestamp, $10)
    order by at desc, id desc limit $8::bigint + 1
), page as (
    select *, row_number() over (order by at desc, id desc) as place from ahead
), lines as (
    select p.*, coalesce(c.last_seq, h.seq, 0) as last_seq, l.message, case when is_member then u.n else 0 end as unread
    from page p
    left join lateral (select c.topic, c.last_seq from channels c where c.topic = 'group:' || p.id limit 1) c on true
    left join lateral (select max(seq) as seq from study_group_messages where study_group_id = p.id and c.topic is null) h on true
    left join lateral (
        select json_build_object('id', m.id, 'seq', m.seq, 'senderId', m.sender_id, 'type', m.type, 'content', m.content,
                                 'createdAt', iso8601(coalesce(m.created_at, 'epoch'))) as message
        from study_group_messages m
        where m.study_group_id = p.id and m.is_deleted is not true and (p.is_member or $3::boolean)
        order by m.seq desc limit 1) l on true
    left join lateral (
        select count(*) as n from study_group_messages m
        where p.is_member and m.study_group_id = p.id and m.seq > p.last_read_seq and m.sender_id <> $2
          and m.is_deleted is not true) u on true
    where place <= $8::bigint
)
select coalesce(json_agg(json_build_object(
           'id', id, 'establishmentId', establishment_id, 'courseId', course_id, 'createdBy', created_by, 'name', name,
           'description', description, 'maxMembers', coalesce(max_members, 10), 'currentMembers', coalesce(current_members, 0),
           'status', status, 'isPublic', is_public is not false, 'tags', coalesce(to_json(tags), '[]'),
           'scheduledDate', iso8601(scheduled_date), 'endDate', iso8601(end_date), 'meetingUrl', meeting_url,
           'settings', coalesce(settings, '{}'), 'createdAt', iso8601(at), 'updatedAt', iso8601(coalesce(updated_at, at)),
           'isMember', is_member, 'role', my_role, 'lastSeq', last_seq, 'lastReadSeq', last_read_seq, 'unreadCount', unread,
           'lastMessage', message) order by place), '[]'),
       (select at || '|' || id from page where place = $8::bigint and exists (select from page where place > $8::bigint)),
       case when $11::boolean then (select count(*) from seen) end, named_here($1, 'course', $4)
from lines
