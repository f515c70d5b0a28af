-- A board's channel is activated: its row is made at the first time, and this writer takes the fence. No row: no such board here.
-- Then the board as it was folded, who belongs to its group, and what the log has since: all in one round trip. What another
-- writer commits at this very moment is missing from the last column, which the reader sees by last_seq.
-- $1 topic, $2 board id, $3 establishment.
with opened as (
    insert into channels (topic, establishment_id, fence, last_seq, first_seq, batch_from)
    select $1, w.establishment_id, 1, w.data_seq, w.data_seq + 1, w.data_seq + 1
    from whiteboards w
    where w.id = $2 and w.establishment_id = coalesce($3, w.establishment_id) and coalesce(w.is_active, true)
    on conflict (topic) do update set fence = channels.fence + 1
        where exists (select 1 from whiteboards w where w.id = $2 and coalesce(w.is_active, true))
    returning id, epoch, fence, last_seq, first_seq
)
select o.id, o.epoch, o.fence, o.last_seq, o.first_seq,
       jsonb_build_object('id', w.id, 'studyGroupId', w.study_group_id, 'createdBy', w.created_by, 'isActive', coalesce(w.is_active, true),
                          'createdAt', iso8601(w.created_at), 'updatedAt', iso8601(w.updated_at)),
       w.title, w.study_group_id, w.data, w.data_seq, w.locked, to_jsonb(w.locked_ids), g.status = 'archived',
       coalesce((g.settings ->> 'allowWhiteboard')::boolean, true),
       (select coalesce(jsonb_agg(jsonb_build_array(m.user_id, coalesce(m.role, 'member'))), '[]')
        from study_group_members m where m.study_group_id = g.id and m.establishment_id = g.establishment_id and m.is_active),
       (select coalesce(jsonb_agg(jsonb_build_array(e.seq, e.event, e.payload) order by e.seq), '[]')
        from channel_events e where e.channel = o.id and e.seq > w.data_seq)
from opened o, whiteboards w join study_groups g on g.id = w.study_group_id
where w.id = $2 and w.establishment_id = coalesce($3, w.establishment_id)
