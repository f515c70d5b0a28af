-- $1 id. The hash of the token that ended; null: the caller has none of that id.
select api_token_revoke($1)
