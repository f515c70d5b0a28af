-- One theme is the active one (the school is locked): $1 tenant filter, $2 its id.
with chosen as (
    select x.id, x.establishment_id from themes x where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id)
), new as (
    update themes x set is_active = (x.id = chosen.id), updated_at = now() at time zone 'utc'
    from chosen where x.establishment_id = chosen.establishment_id and x.is_active is distinct from (x.id = chosen.id) returning x
)
select null, 200, answer(coalesce((select theme_json(x) from new where (x).id = $2), (select theme_json(x) from themes x where x.id = chosen.id))),
       (select row_version from themes x where x.id = chosen.id)
from chosen, (select count(*) from new) n
