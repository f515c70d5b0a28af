-- $1 tenant filter, $2 the query (limit, period), $3 the school that an old address names, or null. All time: by the course's own count. A period: by enrolments in it.
with top as (
    (select c.id, coalesce(c.enrollment_count, 0)::bigint as n from courses c
     where c.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) and c.is_active
       and coalesce($2::jsonb ->> 'period', 'all') = 'all'
     order by c.enrollment_count desc nulls last, c.id desc limit coalesce(($2::jsonb ->> 'limit')::bigint, 10))
    union all
    (select e.course_id, count(*) from user_courses e join courses c on c.id = e.course_id and c.is_active
     where e.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) and e.status is distinct from 'dropped'
       and $2::jsonb ->> 'period' <> 'all'
       and e.enrolled_at >= now() at time zone 'utc' - case $2::jsonb ->> 'period' when 'day' then interval '1 day' when 'week' then interval '7 days'
                            when 'month' then interval '30 days' else interval '365 days' end
     group by 1 order by 2 desc, 1 desc limit coalesce(($2::jsonb ->> 'limit')::bigint, 10))
)
select case when $3::text <> coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) then 'not_found' end, 200, coalesce(json_agg(json_build_object('id', c.id, 'courseId', c.id, 'title', c.title, 'category', c.category,
    'instructorId', c.instructor_id, 'rating', coalesce(c.rating, 0)::text, 'enrollmentCount', top.n, 'completedCount', d.completed,
    'completionRate', coalesce(round(100.0 * d.completed / nullif(d.n, 0), 2), 0)) order by top.n desc, c.id desc), '[]')
from top join courses c on c.id = top.id
cross join lateral (select count(*) as n, count(*) filter (where e.status = 'completed') as completed
                    from user_courses e where e.course_id = c.id and e.status is distinct from 'dropped') d
