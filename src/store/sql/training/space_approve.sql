-- $1 tenant filter, $2 caller, $3 space.
with old as (
    select s.* from trainer_spaces s where s.id = $3 and s.establishment_id = coalesce($1, s.establishment_id) for no key update
), refusal as (
    select case when trainer_id = $2 then 'own_work' when is_active then 'not_pending' end as word from old
), new as (
    update trainer_spaces s set is_active = true, approved_by = $2, approved_at = now() at time zone 'utc', row_version = s.row_version + 1,
        updated_at = now() at time zone 'utc' from refusal where s.id = $3 and word is null returning s
)
select word, 200, (select answer(trainer_space_json(s)) from new), (select (s).row_version from new),
       (select json_agg(n) from new, lateral notify((s).trainer_id, 'system_update', jsonb_build_object('spaceId', (s).id), 'Espace approuvé',
            'Space approved', '« ' || (s).name || ' » est ouvert.', '"' || (s).name || '" is open.') n where n is not null)
from refusal
