-- What is personal and read by functions only goes first, while the address is still there; the row is this transaction's from here on.
-- $1 user, $2 the caller's role, $3 the versions of which one must still stand or null: erase.sql refuses what nothing is forgotten of here.
with old as (select u.id, u.role, u.is_active, u.establishment_id, u.row_version from users u where u.id = $1 for no key update)
select user_forget(u.id) from old u where u.role >= $2::user_role and coalesce(u.row_version = any($3::bigint[]), true)
  and not (u.role = 'admin' and u.is_active is not false and not admin_stays(u.id, u.establishment_id))
