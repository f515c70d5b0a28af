-- A poll as it stands, and what the caller chose. $1 tenant filter, $2 caller, $3 group, $4 staff, $5 message.
-- Refusal, status, JSON.
with g as (
    select g.id, group_seen(g, $2, $4) as seen,
           $4::boolean or exists (select from study_group_members m where m.study_group_id = g.id and m.user_id = $2 and m.is_active) as reads
    from study_groups g where g.id = $3 and g.establishment_id = coalesce($1, g.establishment_id)
)
select case when not g.reads then case when g.seen then 'members_only' else 'not_found' end when m.id is null then 'not_found' end, 200,
       (jsonb_build_object('messageId', m.id, 'question', m.metadata -> 'question', 'options', m.metadata -> 'options',
                           'multiple', coalesce(m.metadata -> 'multiple', 'false'), 'anonymous', coalesce(m.metadata -> 'anonymous', 'false'),
                           'closesAt', m.metadata -> 'closesAt',
                           'myVote', coalesce((select to_jsonb(v.options) from poll_votes v where v.message_id = m.id and v.user_id = $2), '[]'))
        || poll_json(m.id, m.metadata, m.poll_closed_at))::text
from g left join study_group_messages m
    on m.id = $5 and m.study_group_id = g.id and m.type = 'poll' and m.is_deleted is not true and g.reads
