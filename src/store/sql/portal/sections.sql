-- A page's sections in their order: $1 tenant filter, $2 the page, $3 staff.
select null, 200, coalesce((select json_agg(section_json(s) order by s.section_order, s.id) from page_sections s
                            where s.page_id = p.id and (s.is_active is not false or $3::boolean)), '[]')
from customizable_pages p
where p.id = $2 and p.establishment_id = coalesce($1, p.establishment_id) and (p.is_active is not false or $3::boolean)
