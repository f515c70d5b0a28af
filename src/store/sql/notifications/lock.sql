-- $1 tenant filter, $2 nothing: one choice of the caller's at a time.
select from users u where u.id = current_setting('stacgate.user_id') and ($1::text is null or $2::text is null or true) for no key update
