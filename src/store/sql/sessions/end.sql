-- $1 one of the caller's. Its sid; null: they have none of that id.
select session_end($1)
