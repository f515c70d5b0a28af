-- One theme: $1 tenant filter, $2 its id, $3 staff (who also see what is switched off).
select null, 200, theme_json(x), x.row_version from themes x
where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) and (x.is_active or $3::boolean)
