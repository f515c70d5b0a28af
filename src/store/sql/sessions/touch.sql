-- $1 hashes of cookies and API tokens in use, $2 idle time in ms.
select session_touch($1::text[], $2::bigint * interval '1 millisecond'), api_token_touch($1::text[])
