-- Every row of a school says so itself: establishment_id where a table reached its school only through a join, filled from the
-- parent, filled by a trigger when an insert lacks it, and tied to the parent's by a composite foreign key, so that no row can
-- hang below another school's even where row-level security does not look (it does not for foreign keys and for the owner).

create function stacgate_fill_tenant() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
-- Arguments: parent table, own column that names the parent's id. Runs with the caller's rights: a foreign parent is not seen.
begin
    execute format('select establishment_id from public.%I where id = $1', tg_argv[0])
        into new.establishment_id using to_jsonb(new) ->> tg_argv[1];
    return new;
end $$;
revoke execute on function stacgate_fill_tenant() from public;

-- Parents before children: a child takes what its parent has by then.
do $$
declare
    r record;
    orphans bigint;
begin
    for r in select * from (values
        (1,  'page_sections',              'page_id',        'customizable_pages',   false),
        (2,  'training_sessions',          'course_id',      'courses',              false),
        (3,  'course_modules',             'course_id',      'courses',              false),
        (4,  'user_courses',               'course_id',      'courses',              false),
        (5,  'user_permissions',           'user_id',        'users',                false),
        (6,  'user_module_progress',       'module_id',      'course_modules',       false),
        (7,  'assessment_attempts',        'assessment_id',  'assessments',          true),
        (8,  'study_group_members',        'study_group_id', 'study_groups',         true),
        (9,  'study_group_messages',       'study_group_id', 'study_groups',         true),
        (10, 'message_reactions',          'message_id',     'study_group_messages', true),
        (11, 'study_sessions',             'study_group_id', 'study_groups',         true),
        (12, 'study_session_participants', 'session_id',     'study_sessions',       true),
        (13, 'whiteboards',                'study_group_id', 'study_groups',         true),
        (14, 'shared_files',               'study_group_id', 'study_groups',         true)
    ) as t (rank, child, link, parent, always) order by rank loop
        execute format('alter table %I add column if not exists establishment_id varchar', r.child);
        execute format('update %I c set establishment_id = p.establishment_id from %I p where p.id = c.%I
                        and c.establishment_id is distinct from p.establishment_id', r.child, r.parent, r.link);
        execute format('create trigger stacgate_fill_tenant before insert on %I for each row
                        when (new.establishment_id is null) execute function stacgate_fill_tenant(%L, %L)',
                       r.child, r.parent, r.link);
        if r.always then
            execute format('alter table %I alter column establishment_id set not null', r.child);
        end if;
    end loop;

    -- Only super administrators belong to no school; other rows without one are nobody's and stay invisible.
    for r in select c.table_name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
             where c.table_schema = 'public' and c.column_name = 'establishment_id' and t.table_type = 'BASE TABLE'
               and c.is_nullable = 'YES' and c.table_name not in ('users', 'user_permissions') order by 1 loop
        execute format('select count(*) from %I where establishment_id is null', r.table_name) into orphans;
        if orphans > 0 then
            raise notice '%: % rows reach no establishment; nobody can see them', r.table_name, orphans;
        end if;
    end loop;
    select count(*) into orphans from users where establishment_id is null and role is distinct from 'super_admin';
    if orphans > 0 then
        raise notice 'users: % accounts without establishment that are no super_admin; they cannot sign in', orphans;
    end if;
end $$;

-- A referenced key that holds the tenant.
do $$
declare
    t text;
begin
    foreach t in array array['customizable_pages', 'courses', 'course_modules', 'training_sessions', 'assessments',
                             'study_groups', 'study_sessions'] loop
        execute format('create unique index %I on %I (id, establishment_id)', t || '_tenant_key', t);
    end loop;
end $$;

-- The same action on delete as the single key beside it. What an adopted database already breaks stays, is reported, and
-- cannot be added to: the constraint is then left NOT VALID, which still checks every new row.
do $$
declare
    r record;
    act text;
begin
    for r in select * from (values
        ('page_sections',              'page_id',        'customizable_pages'),
        ('training_sessions',          'course_id',      'courses'),
        ('course_modules',             'course_id',      'courses'),
        ('user_courses',               'course_id',      'courses'),
        ('user_courses',               'session_id',     'training_sessions'),
        ('user_module_progress',       'module_id',      'course_modules'),
        ('assessments',                'course_id',      'courses'),
        ('assessments',                'module_id',      'course_modules'),
        ('assessment_attempts',        'assessment_id',  'assessments'),
        ('certificates',               'course_id',      'courses'),
        ('study_groups',               'course_id',      'courses'),
        ('study_group_members',        'study_group_id', 'study_groups'),
        ('study_group_messages',       'study_group_id', 'study_groups'),
        ('study_sessions',             'study_group_id', 'study_groups'),
        ('study_session_participants', 'session_id',     'study_sessions'),
        ('whiteboards',                'study_group_id', 'study_groups'),
        ('shared_files',               'study_group_id', 'study_groups')
    ) as t (child, link, parent) loop
        select case c.confdeltype when 'c' then 'cascade' when 'n' then 'set null' else 'no action' end into act
        from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
        where c.contype = 'f' and c.conrelid = r.child::regclass and c.confrelid = r.parent::regclass
          and cardinality(c.conkey) = 1 and a.attname = r.link limit 1;
        if act = 'set null' then
            act := format('set null (%I)', r.link);
        end if;
        execute format('alter table %I add constraint %I foreign key (%I, establishment_id) references %I (id, establishment_id)
                        on delete %s not valid', r.child, r.child || '_' || r.link || '_tenant', r.link, r.parent,
                       coalesce(act, 'cascade'));
        begin
            execute format('alter table %I validate constraint %I', r.child, r.child || '_' || r.link || '_tenant');
        exception when foreign_key_violation then
            raise notice '%: some rows name a % of another establishment; they stay, new ones are refused', r.child, r.link;
        end;
    end loop;
end $$;

-- What row-level security and the foreign keys look up.
do $$
declare
    r record;
begin
    for r in select * from (values
        ('themes', 'establishment_id'), ('customizable_contents', 'establishment_id'), ('customizable_pages', 'establishment_id'),
        ('page_components', 'establishment_id'), ('page_sections', 'page_id'), ('menu_items', 'establishment_id'),
        ('users', 'establishment_id'), ('user_permissions', 'user_id'), ('role_permissions', 'role'),
        ('trainer_spaces', 'establishment_id'), ('courses', 'establishment_id'), ('training_sessions', 'course_id'),
        ('course_modules', 'course_id'), ('educational_plugins', 'establishment_id'), ('user_courses', 'user_id'),
        ('user_courses', 'course_id'), ('user_module_progress', 'user_id'), ('user_module_progress', 'module_id'),
        ('assessments', 'establishment_id'), ('assessments', 'course_id'), ('assessment_attempts', 'assessment_id'),
        ('assessment_attempts', 'user_id'), ('certificates', 'establishment_id'), ('certificates', 'user_id'),
        ('notifications', 'user_id'), ('export_jobs', 'user_id'), ('help_contents', 'establishment_id'),
        ('study_groups', 'establishment_id'), ('study_groups', 'course_id'), ('study_sessions', 'study_group_id'),
        ('study_session_participants', 'session_id'), ('whiteboards', 'study_group_id'), ('shared_files', 'study_group_id')
    ) as t (tab, col) loop
        execute format('create index if not exists %I on %I (%I)', 'stacgate_' || r.tab || '_' || r.col, r.tab, r.col);
    end loop;
end $$;
create index stacgate_users_email_lower on users (lower(email));
create index stacgate_sessions_expire on sessions (expire);
create index stacgate_sessions_user on sessions ((sess ->> 'userId'));
