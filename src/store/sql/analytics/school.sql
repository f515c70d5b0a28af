-- What old clients ask of one school: $1 tenant filter, $2 the school of the path, $3 live connections. Flat totals and what happened last.
select case when $2 <> s.id then 'not_found' end, 200, coalesce(t.data, '{}') || jsonb_build_object('liveConnections', $3::bigint,
    'recentActivity', coalesce((select jsonb_agg(jsonb_build_object('description', p.first_name || ' ' || p.last_name
           || ' s''est inscrit(e) à « ' || c.title || ' »', 'timestamp', iso8601(x.enrolled_at)) order by x.enrolled_at desc)
        from (select * from user_courses e where e.establishment_id = s.id and e.enrolled_at is not null
              order by e.enrolled_at desc limit 5) x
        join users p on p.id = x.user_id join courses c on c.id = x.course_id), '[]'))
from (select coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) as id) s
left join analytics_totals t on t.establishment_id = s.id
