-- Plans a study session. $1 tenant filter, $2 caller, $3 group, $4 the body, $5 staff: its moderators and staff do. The host is the caller,
-- or a member of the group, or somebody who teaches here.
with g as (
    select g.*, (select m.role from study_group_members m where m.study_group_id = g.id and m.user_id = $2 and m.is_active limit 1) as place,
           coalesce($4::jsonb ->> 'hostId', $2) as host, group_seen(g, $2, $5) as seen
    from study_groups g where g.id = $3 and g.establishment_id = coalesce($1, g.establishment_id)
), refusal as (
    select case when not seen then 'not_found' when not ($5::boolean or place is not null) then 'members_only'
                when not ($5::boolean or coalesce(place in ('moderator', 'admin'), false)) or room_of is not null then 'forbidden'
                when status = 'archived' then 'read_only'
                when host <> $2 and not named_here($1, 'user', host) then 'not_found'
                when ($4::jsonb ->> 'endTime')::timestamptz <= ($4::jsonb ->> 'startTime')::timestamptz then 'invalid endTime order'
                when not exists (select from users u where u.id = host and u.is_active is not false and (u.id = $2
                        or u.establishment_id = g.establishment_id and (u.role <> 'apprenant' or exists (
                            select from study_group_members m where m.study_group_id = g.id and m.user_id = u.id and m.is_active))))
                    then 'invalid hostId not_found' end as word
    from g
), made as (
    insert into study_sessions (study_group_id, establishment_id, host_id, title, description, start_time, end_time, max_participants, status,
                                created_at, updated_at)
    select g.id, g.establishment_id, g.host, b ->> 'title', b ->> 'description', (b ->> 'startTime')::timestamptz at time zone 'utc',
           (b ->> 'endTime')::timestamptz at time zone 'utc', (b ->> 'maxParticipants')::integer, 'scheduled', now() at time zone 'utc',
           now() at time zone 'utc'
    from g, refusal, (select $4::jsonb as b) body where word is null
    returning study_sessions as s
)
select word, 201, (select answer(study_session_json(s)) from made), (select (s).row_version from made) from refusal
