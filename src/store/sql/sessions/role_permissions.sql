select rp.role::text, p.name from role_permissions rp join permissions p on p.id = rp.permission_id
