-- Would the group end before it begins? $1 tenant filter, $2 group, $3 the change (scheduledDate, endDate), of which what is absent stays.
select ($3::jsonb ? 'endDate' or $3::jsonb ? 'scheduledDate')
   and coalesce(($3::jsonb ->> 'endDate')::timestamptz at time zone 'utc', g.end_date)
     < coalesce(($3::jsonb ->> 'scheduledDate')::timestamptz at time zone 'utc', g.scheduled_date)
from study_groups g where g.id = $2 and g.establishment_id = coalesce($1, g.establishment_id)
