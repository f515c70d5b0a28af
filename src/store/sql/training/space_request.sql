-- $1 tenant filter, $2 trainer, $3 the body: asked for; somebody else approves it.
with made as (
    insert into trainer_spaces (establishment_id, trainer_id, name, description, is_active, created_at, updated_at)
    select coalesce($1, current_setting('stacgate.establishment_id')), $2, $3::jsonb ->> 'name', $3::jsonb ->> 'description', false,
           now() at time zone 'utc', now() at time zone 'utc' returning trainer_spaces as s
)
select null, 201, answer(trainer_space_json(s)), 1 from made
