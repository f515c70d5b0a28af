-- The version in use from now on: $1 its id.
select null, 200, answer(v), 0 from version_activate($1) v where v is not null
