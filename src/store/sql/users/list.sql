-- People of the school, newest first: all for staff ($4), else the learners of the caller's own courses. $1 tenant filter, $2 caller,
-- $3 the query (role, isActive, department, q), $5 limit, $6 $7 cursor (time, id), $8 count wanted.
with seen as not materialized (
    select u.id, coalesce(u.created_at, 'epoch') as at from users u
    where u.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) and u.email not like '%@deleted.invalid'
      and ($4::boolean or exists (select from user_courses e join courses c on c.id = e.course_id
                                  where e.user_id = u.id and c.instructor_id = $2 and e.status <> 'dropped'))
      and ($3::jsonb ->> 'role' is null or u.role::text = $3::jsonb ->> 'role')
      and ($3::jsonb ->> 'department' is null or u.department = $3::jsonb ->> 'department')
      and ($3::jsonb -> 'isActive' is null or (u.is_active is not false) = ($3::jsonb ->> 'isActive')::boolean)
      and ($3::jsonb ->> 'q' is null or strpos(stacgate_fold(concat_ws(' ', u.first_name, u.last_name, u.email, u.username)),
                                               stacgate_fold($3::jsonb ->> 'q')) > 0)
), page as (
    select x.*, row_number() over (order by at desc, id desc) as place from (
        select * from seen where $6::text is null or (at, id) < ($6::timestamp, $7) order by at desc, id desc limit $5::bigint + 1) x
)
select coalesce(json_agg(user_json(id) order by place) filter (where place <= $5::bigint), '[]'),
       (select at || '|' || id from page where place = $5::bigint and exists (select from page where place > $5::bigint)),
       case when $8::boolean then (select count(*) from seen) end
from page
