-- $1 caller, $2 words, $3 the query (role, category, language, limit), $4 staff: they may look with another role's eyes, or everybody's.
select null, 200, help_search($2, case when $4::boolean then coalesce($3::jsonb ->> 'role', '') else u.role::text end, $4::boolean,
       $3::jsonb ->> 'category', $3::jsonb ->> 'language', coalesce(($3::jsonb ->> 'limit')::integer, 50)) from users u where u.id = $1
