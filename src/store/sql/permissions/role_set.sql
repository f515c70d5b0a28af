-- $1 role, $2 what it may do from now on, $3 the catalogue's names. The sixth column: whether that is something else than before.
select refusal, 200, answer, 0, null, changed from role_permissions_set($1, $2::text[], $3::text[])
