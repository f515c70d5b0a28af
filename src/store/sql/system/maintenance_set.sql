-- $1 on, $2 message or null. (is on, as REST shows it, its version, the message or null, whom to tell)
select is_on, json_build_object('isMaintenance', is_on, 'enabled', is_on, 'message', message, 'since', iso8601(since)), version, message, maintenance_said(is_on, message, since)
from maintenance_set($1::boolean, $2)
