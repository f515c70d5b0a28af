-- The version in use; the program's own ($1) when none was ever chosen.
select null, 200, coalesce((select version_json(v) from system_versions v where is_active order by updated_at desc, id limit 1),
    json_build_object('id', null, 'version', $1::text, 'title', null, 'description', null, 'changelogMarkdown', null, 'releaseDate', null,
        'isActive', true, 'isMaintenance', false, 'maintenanceMessage', null, 'createdBy', null, 'createdAt', null, 'updatedAt', null)), 0
