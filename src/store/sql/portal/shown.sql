-- What everybody may see of a school: $1 the query (slug), $2 the host that was asked.
select null, 200, p, 0 from portal($1::jsonb ->> 'slug', $2) p where p is not null
