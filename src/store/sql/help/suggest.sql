-- $1 words, $2 the query (limit).
select null, 200, to_json(help_suggest($1, coalesce(($2::jsonb ->> 'limit')::integer, 5)))
