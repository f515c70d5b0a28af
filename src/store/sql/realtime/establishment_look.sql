-- Is it still there? $1 establishment id, $2 the tenant.
select 1 from establishments where id = $1 and id = coalesce($2, id)
