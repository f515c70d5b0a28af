-- A page by its name, for the page editor; one that nobody has made yet is empty, and its version 0. $1 tenant filter, $2 the name, $3 staff (who also
-- see what is switched off).
with chosen as (
    select p from customizable_pages p
    where p.establishment_id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), '')) and p.page_name = $2 and (p.is_active is not false or $3::boolean)
    order by p.updated_at desc, p.id limit 1
)
select null, 200, coalesce((select page_json(p) from chosen), portal_page_new($2)), coalesce((select (p).row_version from chosen), 0)
