-- A new version, not in use yet: $1 the body.
select null, 201, answer(version_create(b ->> 'version', b ->> 'title', b ->> 'description', b ->> 'changelogMarkdown', (b ->> 'releaseDate')::timestamptz at time zone 'utc',
    (b ->> 'isMaintenance')::boolean, b ->> 'maintenanceMessage')), 0
from (select $1::jsonb as b) body
