-- The last migration that this database has.
select max(name) from schema_migrations
