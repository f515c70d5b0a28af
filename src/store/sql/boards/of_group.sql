-- The boards of a group. $1 group, $2 establishment.
select w.id from whiteboards w where w.study_group_id = $1 and w.establishment_id = coalesce($2, w.establishment_id) and w.is_active is not false
