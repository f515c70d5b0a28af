-- $1 idempotency key, $2 hash of operation and body, $3 status. Keeps what answer() put out in this group, if anything.
select idempotency_keep($1, $2, $3::integer)
