-- A board's channel is activated: its row is made at the first time, and this writer takes the fence. No row: no such board here.
-- Then the board as it was folded, who belongs to its group, and what the log has since: all in one round trip. What another
-- writer commits at this very moment is missing from the last column, which the reader sees by last_seq.
-- What a board held before it had a log counts as its event 1, which no log keeps: history cannot take it for an empty board.
-- $1 topic, $2 board id, $3 establishment.
with board as (
    select w.*, greatest(w.data_seq, case when coalesce(w.data, '{}') in ('{}', '[]', 'null', '{"elements": []}') then 0 else 1 end) as stands
    from whiteboards w
    where w.id = $2 and w.establishment_id = coalesce($3, w.establishment_id) and coalesce(w.is_active, true)
), opened as (
    insert into channels (topic, establishment_id, fence, last_seq, first_seq, batch_from)
    select $1, b.establishment_id, 1, b.stands, b.stands + 1, b.stands + 1 from board b
    on conflict (topic) do update set fence = channels.fence + 1 where exists (select 1 from board)
    returning id, epoch, fence, last_seq, first_seq
), begun as (
    update whiteboards w set data_seq = b.stands from opened o, board b
    where w.id = b.id and o.fence = 1 and w.data_seq < b.stands
)
select o.id, o.epoch, o.fence, o.last_seq, o.first_seq,
       jsonb_build_object('id', w.id, 'studyGroupId', w.study_group_id, 'createdBy', w.created_by, 'isActive', coalesce(w.is_active, true),
                          'createdAt', iso8601(w.created_at), 'updatedAt', iso8601(w.updated_at)),
       w.title, w.study_group_id, w.data, case when o.fence = 1 then w.stands else w.data_seq end, w.locked, to_jsonb(w.locked_ids), g.status = 'archived',
       coalesce((g.settings ->> 'allowWhiteboard')::boolean, true),
       (select coalesce(jsonb_agg(jsonb_build_array(m.user_id, coalesce(m.role, 'member'))), '[]')
        from study_group_members m where m.study_group_id = g.id and m.establishment_id = g.establishment_id and m.is_active),
       (select coalesce(jsonb_agg(jsonb_build_array(e.seq, e.event, e.payload) order by e.seq), '[]')
        from channel_events e where e.channel = o.id and e.seq > w.data_seq),
       g.room_of, w.row_version
from opened o, board w join study_groups g on g.id = w.study_group_id
