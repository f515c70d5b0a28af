-- What the cleaner has not seen yet: $1 which one, $2 about how many bytes. (table, after which row, up to which one, id, the columns as JSON)
select name, since, upto, id, doc from html_next($1::integer, $2::integer)
