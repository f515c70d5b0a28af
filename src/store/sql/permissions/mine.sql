-- $1 the caller's role. What the old client asks: names, and the one question that its pages put.
select null, 200, json_build_object('role', $1::text, 'permissions', to_json(caller_permissions()), 'canManageAllEstablishments', $1::text = 'super_admin'), 0
