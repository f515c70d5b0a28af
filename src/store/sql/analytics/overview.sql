-- $1 tenant filter, $2 live connections of the school, as its actors know them. The rest is the roll-up's, at most a minute old.
select null, 200, d.data || jsonb_build_object('activeUsers', d.data -> 'activeUsers' || jsonb_build_object('now', coalesce(t.active_now, 0), 'last24h', coalesce(t.active_day, 0)),
       'liveConnections', $2::bigint, 'at', iso8601(coalesce(t.at, now() at time zone 'utc')))
from (select coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) as id) s
left join analytics_totals t on t.establishment_id = s.id
cross join lateral (select coalesce(t.data, analytics_none()) as data) d
