-- $1 idempotency key. The first answer to it: operation and body as a hash, status, text.
select body_hash, status, answer from idempotency_find($1)
