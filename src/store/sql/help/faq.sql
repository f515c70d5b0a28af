-- What is read most. $1 tenant filter, $2 caller, $3 the query (limit), $4 staff.
with me as (select role::text as role from users where id = $2)
select null, 200, coalesce(json_agg(help_json(h)::jsonb || jsonb_build_object('views', h.views) order by h.views desc, h.id), '[]') from (
    select id from help_contents h
    where h.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) and h.is_active and h.views > 0
      and (coalesce(nullif(h.role, 'all'), (select role from me)) = (select role from me) or $4::boolean)
    order by views desc, id limit coalesce(($3::jsonb ->> 'limit')::bigint, 10)) top
join help_contents h using (id)
