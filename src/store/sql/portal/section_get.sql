-- One section: $1 tenant filter, $2 its id, $3 staff (who also see what is switched off).
select null, 200, section_json(x), x.row_version from page_sections x
where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) and ($3::boolean or x.is_active is not false
    and not exists (select from customizable_pages p where p.id = x.page_id and p.is_active is false))
