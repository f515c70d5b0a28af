-- $1 idempotency key, $2 hash of operation and body, $3 the usual status. Keeps what answer() put out in this group, if anything, with its
-- own status if it has one.
select idempotency_keep($1, $2, coalesce(nullif(current_setting('stacgate.answer_status', true), '')::integer, $3::integer))
