-- One entry of the menu: $1 tenant filter, $2 its id, $3 staff (who also see what is switched off and what is for other roles), $4 caller.
select null, 200, menu_item_json(x), x.row_version from menu_items x
where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id)
  and ($3::boolean or not menu_hidden(x, (select role::text from users where id = $4)))
