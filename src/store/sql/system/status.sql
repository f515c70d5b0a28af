-- How the installation stands, in the old client's words: $1 the program's version.
select null, 200, json_build_object('currentVersion', coalesce((select version from system_versions where is_active order by updated_at desc, id limit 1), $1),
    'lastUpdateCheck', null, 'nextScheduledUpdate', null, 'autoUpdatesEnabled', false, 'maintenanceMode', is_on, 'backupStatus', null), 0
from maintenance_get()
