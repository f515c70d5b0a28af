-- Is the installation in maintenance? (is on, as REST shows it, its version, the message or null)
select is_on, json_build_object('isMaintenance', is_on, 'enabled', is_on, 'message', message, 'since', iso8601(since)), version, message from maintenance_get()
