-- $1 name, $2 hash, $3 prefix, $4 scopes, $5 days. Null: the caller has too many.
select api_token_create($1, $2, $3, $4::text[], $5::integer)
