-- A school's front page in the old client's words: $1 slug, $2 the page's name (its texts may be called "home.heroTitle" or "heroTitle").
with shown as (
    select p, (select coalesce(jsonb_object_agg(c ->> 'blockKey', c ->> 'content'), '{}') from json_array_elements(p -> 'contents') c) as texts
    from portal($1, null) p where p is not null
)
select null, 200, json_build_object(
    'heroTitle', coalesce(texts ->> ($2 || '.heroTitle'), texts ->> 'heroTitle', texts ->> 'hero_title'),
    'heroDescription', coalesce(texts ->> ($2 || '.heroDescription'), texts ->> 'heroDescription', texts ->> 'hero_description'),
    'contents', texts), 0
from shown
