-- One section: $1 tenant filter, $2 its id, $3 staff (who also see what is switched off).
select null, 200, section_json(x), x.row_version from page_sections x
where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) and (x.is_active is not false or $3::boolean)
