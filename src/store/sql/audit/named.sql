-- Somebody named another person or school than their own, which was refused. $1 the operation, $2 the fields.
select audit_own('identity.refused', 'operation', $1, jsonb_build_object('fields', $2::text[]))
