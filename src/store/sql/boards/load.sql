-- A board with everything that its elements are made of: what was folded, and what the log has since. No row: not there.
-- $1 tenant filter, $2 caller, $3 board, $4 staff.
select case when not ($4::boolean or exists (select from study_group_members m
                      where m.study_group_id = w.study_group_id and m.user_id = $2 and m.is_active)) then 'members_only' end,
       board_json(w), w.title, w.data, w.data_seq, w.locked, to_jsonb(w.locked_ids),
       (select coalesce(jsonb_agg(jsonb_build_array(e.seq, e.event, e.payload) order by e.seq), '[]')
        from channels c join channel_events e on e.channel = c.id and e.seq > w.data_seq where c.topic = 'whiteboard:' || w.id), w.row_version
from whiteboards w join study_groups g on g.id = w.study_group_id
where w.id = $3 and w.establishment_id = coalesce($1, w.establishment_id) and w.is_active is not false and group_seen(g, $2, $4)
