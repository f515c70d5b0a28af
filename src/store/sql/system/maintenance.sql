-- Is the installation in maintenance? (is on, message, since as ISO 8601)
select is_on, message, iso8601(since) from maintenance_get()
