-- The establishment of a topic, for a super_admin who has none. $1 topic (echoed), $2 kind, $3 id.
select $1::text, stacgate_tenant_of($2::text, $3::text)
