-- One page with its sections: $1 tenant filter, $2 its id, $3 staff (who also see what is switched off).
select null, 200, page_json(x)::jsonb || jsonb_build_object('sections', coalesce((
           select json_agg(section_json(s) order by s.section_order, s.id) from page_sections s
           where s.page_id = x.id and (s.is_active is not false or $3::boolean)), '[]')), x.row_version
from customizable_pages x
where x.id = $2 and x.establishment_id = coalesce($1, x.establishment_id) and (x.is_active is not false or $3::boolean)
