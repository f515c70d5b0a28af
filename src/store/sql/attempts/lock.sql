-- $1 tenant filter, $2 assessment: one start at a time for the caller.
select pg_advisory_xact_lock(hashtextextended($2::text || ' ' || current_setting('stacgate.user_id') || ' ' || coalesce($1::text, ''), 0))
