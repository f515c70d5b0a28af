-- $1 tenant filter, $2 caller.
select null, 200, json_build_object('count', (select count(*) from notifications n where n.user_id = $2 and n.is_read is not true
                                              and n.establishment_id = coalesce($1, n.establishment_id)))
