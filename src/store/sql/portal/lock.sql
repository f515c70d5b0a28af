-- $1 tenant filter, $2 nothing: one change of what must be counted in a school at a time.
select from establishments e where e.id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) and ($2::text is null or true) for no key update
