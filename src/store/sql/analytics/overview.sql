-- $1 tenant filter, $2 live connections of the school, as its actors know them. Totals are the roll-up's, at most a minute old; who is
-- active now is counted now.
select null, 200, coalesce(t.data, '{"users":{"total":0,"byRole":{}},"courses":{"total":0,"byCategory":[]},"enrollments":{"total":0},"completionRate":0,"activeUsers":{}}')
    || jsonb_build_object('activeUsers', coalesce(t.data -> 'activeUsers', '{}') || jsonb_build_object('now', (
           select count(distinct a.user_id) from user_activity a where a.establishment_id = s.id
           and a.last_at > now() at time zone 'utc' - interval '5 minutes')),
       'liveConnections', $2::bigint, 'at', iso8601(coalesce(t.at, now() at time zone 'utc')))
from (select coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) as id) s
left join analytics_totals t on t.establishment_id = s.id
