-- The admins of the school and the person, in one order: the last who manages permissions cannot lose that twice at once, and two grants
-- of one thing cannot pass each other. $1 tenant filter, $2 the person.
select id from users where establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
                       and (id = $2 or role = 'admin' and is_active is not false) order by id for no key update
