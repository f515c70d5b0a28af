-- What is personal and read by functions only goes first, while the address is still there. $1 user, $2 the caller's role.
select user_forget(u.id) from users u where u.id = $1 and u.role >= $2::user_role
  and not (u.role = 'admin' and not exists (select from users x where x.establishment_id = u.establishment_id and x.role = 'admin'
                                              and x.is_active is not false and x.id <> u.id))
