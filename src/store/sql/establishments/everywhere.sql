-- The establishments that the caller manages, newest first: all of them for a super_admin ($1), one's own for others. $2 tenant filter, $3 limit,
-- $4 $5 cursor (time, id), $6 count wanted.
with seen as (
    select s.* from establishments_everywhere() s where $1::boolean
    union all
    select coalesce(e.created_at, 'epoch'), e.id, json_build_object('id', e.id, 'name', e.name, 'slug', e.slug,
        'description', coalesce(e.description, ''), 'logo', e.logo, 'domain', e.domain, 'isActive', e.is_active is not false,
        'stats', json_build_object('users', (select count(*) from users u where u.establishment_id = e.id and u.email not like '%@deleted.invalid'),
                                   'courses', (select count(*) from courses c where c.establishment_id = e.id),
                                   'themes', (select count(*) from themes t where t.establishment_id = e.id)))
    from establishments e
    where not $1::boolean and e.id = coalesce($2, nullif(current_setting('stacgate.establishment_id', true), ''))
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $4::text is null or (at, id) < ($4::timestamp, $5) order by at desc, id desc limit $3::bigint + 1) x
)
select coalesce(json_agg(school order by place) filter (where place <= $3::bigint), '[]'),
       (select at || '|' || id from page where place = $3::bigint and exists (select from page where place > $3::bigint)),
       case when $6::boolean then (select count(*) from seen) end
from page
