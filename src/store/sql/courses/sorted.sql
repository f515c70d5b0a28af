-- As list.sql, in another order: by a key that is text, its direction by the query's sort ("-" turns it round). A title goes from a to z,
-- the newest, the best and the most followed come first.
with asked as (
    select ltrim($3::jsonb ->> 'sort', '-') as by, (ltrim($3::jsonb ->> 'sort', '-') = 'title') <> ($3::jsonb ->> 'sort' like '-%') as up
), seen as (
    select c.id, c.establishment_id, left(case (select by from asked)
               when 'title' then stacgate_fold(replace(c.title, '|', ' '))
               when 'rating' then to_char(coalesce(c.rating, 0), 'FM0.00')
               when 'enrollmentCount' then lpad(coalesce(c.enrollment_count, 0)::text, 10, '0')
               else to_char(coalesce(c.created_at, 'epoch'), 'YYYY-MM-DD HH24:MI:SS.US') end, 48) collate "C" as key
    from courses c
    where c.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
      and ($2 <> '' or exists (select from establishments e where e.id = c.establishment_id and e.is_active is not false))
      and course_listed(c, $2, $4::boolean, $3::jsonb)
), ranked as (
    select seen.*, row_number() over (order by case when up then key end, case when up then id end,
                                               case when not up then key end desc, case when not up then id end desc) as place
    from seen, asked
    where $6::text is null or case when up then (key, id) > ($6::text collate "C", $7) else (key, id) < ($6::text collate "C", $7) end
)
select coalesce(json_agg(course_json(c) order by place), '[]'),
       (select key || '|' || id from ranked where place = $5::bigint and exists (select from ranked where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end, named_here($1, 'user', $3::jsonb ->> 'instructorId')
from ranked r join courses c using (id) where place <= $5::bigint
