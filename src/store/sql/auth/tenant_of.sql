-- $1 kind, $2 id. The establishment of a thing, for a super_admin who has none; null for everybody else.
select stacgate_tenant_of($1, $2)
