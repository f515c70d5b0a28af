-- $1 tenant filter, $2 caller, $3 group, $4 the body (learnerIds), $5 staff: a result for each, with the status that it would have
-- alone: invited 201, member 200, not_found 404. Moderators invite, into groups that are no breakout rooms; who was invited already is not told again.
with one as (
    select g.*, $5::boolean or exists (select from study_group_members m where m.study_group_id = g.id and m.user_id = $2 and m.is_active
                                       and m.role in ('moderator', 'admin')) as may,
           group_seen(g, $2, $5) as seen
    from study_groups g where g.id = $3 and g.establishment_id = coalesce($1, g.establishment_id)
), refusal as (
    select case when not seen then 'not_found' when not may or room_of is not null then 'forbidden' end as word from one
), ids as (
    select id, min(place) as place from jsonb_array_elements_text($4::jsonb -> 'learnerIds') with ordinality as t (id, place) group by 1
), results as (
    select ids.id, place, case when u.id is null then 'not_found' when m.id is not null then 'member' else 'invited' end as result
    from one, ids left join users u on u.id = ids.id and u.establishment_id = current_setting('stacgate.establishment_id') and u.is_active is not false
    left join study_group_members m on m.study_group_id = $3 and m.user_id = ids.id and m.is_active
), made as (
    insert into study_group_invitations as i (study_group_id, user_id, establishment_id, invited_by)
    select one.id, r.id, one.establishment_id, $2 from one, refusal, results r where word is null and r.result = 'invited'
    on conflict (study_group_id, user_id) do update set at = now() at time zone 'utc', invited_by = excluded.invited_by
    returning i.user_id, i.xmax = 0 as fresh
)
select word, 200, answer(json_build_object('results', (select json_agg(json_build_object('learnerId', id, 'result', result,
           'status', case result when 'invited' then 201 when 'not_found' then 404 else 200 end) order by place) from results))), 0,
       (select json_agg(n) from (select * from made where fresh) made, one, lateral notify(made.user_id, 'new_announcement', jsonb_build_object('studyGroupId', one.id,
            'kind', 'group_invitation'), 'Invitation', 'Invitation', 'Vous êtes invité(e) dans le groupe « ' || one.name || ' ».',
            'You are invited to the group "' || one.name || '".') n where n is not null)
from refusal
