-- What old clients ask of one school: $1 tenant filter, $2 the school of the path, $3 live connections, $4 whether the reader's language is
-- French. Flat totals and what happened last; whose name is not known is called by the account's.
select case when $2 <> s.id then 'not_found' end, 200, d.data || jsonb_build_object('activeUsers', d.data -> 'activeUsers'
           || jsonb_build_object('now', coalesce(t.active_now, 0), 'last24h', coalesce(t.active_day, 0)), 'liveConnections', $3::bigint,
    'recentActivity', coalesce((select jsonb_agg(jsonb_build_object('description',
               format(case when $4::boolean then '%s s''est inscrit(e) à « %s »' else '%s enrolled in “%s”' end,
                      coalesce(nullif(concat_ws(' ', nullif(p.first_name, ''), nullif(p.last_name, '')), ''), p.username, p.email), c.title),
               'timestamp', iso8601(x.enrolled_at)) order by x.enrolled_at desc, x.id desc)
        from (select * from user_courses e where e.establishment_id = s.id and e.enrolled_at is not null
              order by e.enrolled_at desc, e.id desc limit 5) x
        join users p on p.id = x.user_id join courses c on c.id = x.course_id), '[]'))
from (select coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) as id) s
left join analytics_totals t on t.establishment_id = s.id
cross join lateral (select coalesce(t.data, analytics_none()) as data) d
