-- $1 tenant filter, $2 caller, $3 group, $4 the body, $5 staff. Members make boards where the group allows it.
with g as (
    select g.*, coalesce((g.settings ->> 'allowWhiteboard')::boolean, true) as boards,
           (select m.role from study_group_members m where m.study_group_id = g.id and m.user_id = $2 and m.is_active limit 1) as place,
           group_seen(g, $2, $5) as seen
    from study_groups g where g.id = $3 and g.establishment_id = coalesce($1, g.establishment_id)
), refusal as (
    select case when not ($5::boolean or place is not null) then case when seen then 'members_only' else 'not_found' end
                when not boards and not ($5::boolean or place in ('moderator', 'admin')) then 'forbidden'
                when status = 'archived' then 'read_only' end as word from g
), made as (
    insert into whiteboards (study_group_id, establishment_id, created_by, title, data, created_at, updated_at)
    select g.id, g.establishment_id, $2, $4::jsonb ->> 'title', '{"elements": []}', now() at time zone 'utc', now() at time zone 'utc'
    from g, refusal where word is null
    returning whiteboards as w
)
select word, 201, (select answer(board_json(w)) from made) from refusal
