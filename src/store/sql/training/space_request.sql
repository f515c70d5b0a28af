-- $1 trainer, $2 the body: asked for; somebody else approves it, and hears of it. Whoever is of no school names one.
with refusal as (
    select case when nullif(current_setting('stacgate.establishment_id', true), '') is null then 'invalid establishmentId required' end as word
), made as (
    insert into trainer_spaces (establishment_id, trainer_id, name, description, is_active, created_at, updated_at)
    select current_setting('stacgate.establishment_id'), $1, $2::jsonb ->> 'name', $2::jsonb ->> 'description', false,
           now() at time zone 'utc', now() at time zone 'utc' from refusal where word is null returning trainer_spaces as s
)
select word, 201, (select answer(trainer_space_json(s)) from made), 1,
       (select json_agg(n) from made, permission_holders('courses:approve') as approver (id), lateral notify(approver.id, 'system_update',
            jsonb_build_object('spaceId', (s).id), 'Espace à approuver', 'A space to approve',
            '« ' || (s).name || ' » attend une approbation.', '"' || (s).name || '" waits for approval.') n
        where n is not null and approver.id <> $1)
from refusal
