-- $1 caller, $2 words, $3 the query (role, language, limit), $4 staff, as for searching.
select null, 200, to_json(help_suggest($2, case when $4::boolean then coalesce($3::jsonb ->> 'role', '') else u.role::text end, $4::boolean,
       $3::jsonb ->> 'language', coalesce(($3::jsonb ->> 'limit')::integer, 5))) from users u where u.id = $1
