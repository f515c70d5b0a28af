-- The admins of the school, so that the last one cannot go twice at once. $1 tenant filter, $2 the user (unused).
select id from users where establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
                       and role = 'admin' and is_active is not false and $2::text is not null order by id for no key update
