-- $1 tenant filter, $2 caller, $3 notification.
with gone as (delete from notifications n where n.id = $3 and n.user_id = $2 and n.establishment_id = coalesce($1, n.establishment_id) returning id)
select null, 200, json_build_object('id', id, 'deleted', true) from gone
