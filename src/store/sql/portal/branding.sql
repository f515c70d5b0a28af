-- A school's branding; what was never set has its defaults. $1 tenant filter.
select null, 200, coalesce((select branding_json(b) from establishment_branding b where b.establishment_id = e.id),
       json_build_object('id', null, 'establishmentId', e.id, 'logoUrl', e.logo, 'faviconUrl', null, 'primaryColor', '#3b82f6',
           'secondaryColor', '#64748b', 'accentColor', '#10b981', 'customCss', null, 'navigationConfig', null, 'footerConfig', null,
           'isActive', true, 'createdAt', null, 'updatedAt', null)),
       coalesce((select row_version from establishment_branding b where b.establishment_id = e.id), 0)
from establishments e where e.id = coalesce($1, nullif(current_setting('stacgate.establishment_id', true), ''))
