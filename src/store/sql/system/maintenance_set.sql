-- $1 on, $2 message or null. (is on, message, since as ISO 8601)
select is_on, message, iso8601(since) from maintenance_set($1::boolean, $2)
