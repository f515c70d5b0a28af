-- The courses that $2 sees, newest first: active ones and their own, all of them for staff ($4); nobody ("") sees public ones. $1 tenant
-- filter, $3 the query, $5 limit, $6 $7 cursor (time, id), $8 count wanted.
with seen as not materialized (
    select c.*, coalesce(c.created_at, 'epoch'::timestamp) as at from courses c
    where c.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and case when $2 = '' then c.is_public and c.is_active
                    and exists (select from establishments e where e.id = c.establishment_id and e.is_active is not false)
               else c.is_active or c.instructor_id = $2 or $4::boolean end
      and ($3::jsonb ->> 'category' is null or c.category = $3::jsonb ->> 'category')
      and ($3::jsonb ->> 'level' is null or c.level = stacgate_plain_word($3::jsonb ->> 'level'))
      and ($3::jsonb ->> 'type' is null or c.type = stacgate_plain_word($3::jsonb ->> 'type'))
      and ($3::jsonb ->> 'language' is null or c.language = stacgate_plain_word($3::jsonb ->> 'language'))
      and ($3::jsonb ->> 'instructorId' is null or c.instructor_id = $3::jsonb ->> 'instructorId')
      and ($3::jsonb ->> 'tag' is null or $3::jsonb ->> 'tag' = any (c.tags))
      and ($3::jsonb ->> 'isActive' is null or coalesce(c.is_active, false) = ($3::jsonb ->> 'isActive')::boolean)
      and ($3::jsonb ->> 'q' is null or strpos(stacgate_fold(c.title || ' ' || coalesce(c.short_description, '') || ' ' || c.category
                                                              || ' ' || c.description), stacgate_fold($3::jsonb ->> 'q')) > 0)
), ahead as (
    select seen as c, at, id from seen
    where $6::text is null or (at, id) < ($6::timestamp, $7)
    order by at desc, id desc limit $5::bigint + 1
), page as (
    select ahead.*, row_number() over (order by at desc, id desc) as place from ahead
)
select coalesce(json_agg(course_json(k) order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end
from page join courses k using (id)
