-- One page of a school, for everybody: $1 the page's name, $2 the query (slug), $3 the host that was asked.
select null, 200, p, 0 from portal_page($2::jsonb ->> 'slug', $3, $1) p where p is not null
