-- The data model that the server adopts: six enum types and 35 tables. Makes what is missing, in a form
-- that equals an existing installation's; what is there stays as it is. Later migrations only add.

do $$ begin
    if to_regtype('public.user_role') is null then
        create type user_role as enum ('super_admin', 'admin', 'manager', 'formateur', 'apprenant');
    end if;
end $$;

do $$ begin
    if to_regtype('public.course_type') is null then
        create type course_type as enum ('synchrone', 'asynchrone');
    end if;
end $$;

do $$ begin
    if to_regtype('public.session_status') is null then
        create type session_status as enum ('draft', 'pending_approval', 'approved', 'active', 'completed', 'archived');
    end if;
end $$;

do $$ begin
    if to_regtype('public.notification_type') is null then
        create type notification_type as enum ('course_enrollment', 'assessment_graded', 'course_published', 'assessment_approved', 'assessment_rejected', 'new_announcement', 'system_update', 'deadline_reminder');
    end if;
end $$;

do $$ begin
    if to_regtype('public.study_group_status') is null then
        create type study_group_status as enum ('active', 'archived', 'scheduled');
    end if;
end $$;

do $$ begin
    if to_regtype('public.message_type') is null then
        create type message_type as enum ('text', 'file', 'image', 'link', 'poll', 'whiteboard');
    end if;
end $$;

create table if not exists sessions (
    sid varchar primary key,
    sess jsonb not null,
    expire timestamp not null
);

create table if not exists establishments (
    id varchar primary key default gen_random_uuid(),
    name text not null,
    slug text not null unique,
    description text,
    logo text,
    domain text,
    database_url text,
    is_active boolean default true,
    settings jsonb,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists themes (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar references establishments (id),
    name text not null,
    is_active boolean default false,
    header_settings jsonb,
    body_settings jsonb,
    footer_settings jsonb,
    primary_color text default '#6366f1',
    secondary_color text default '#06b6d4',
    accent_color text default '#10b981',
    background_color text default '#ffffff',
    text_color text default '#1f2937',
    font_family text default 'Inter',
    font_size text default '16px',
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists customizable_contents (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar references establishments (id),
    block_key text not null,
    block_type text not null,
    content text not null,
    is_active boolean default true,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists customizable_pages (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar references establishments (id),
    page_name text not null,
    page_title text not null,
    page_description text,
    layout jsonb not null,
    is_active boolean default true,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists page_components (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar references establishments (id),
    component_name text not null,
    component_type text not null,
    component_data jsonb not null,
    is_active boolean default true,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists page_sections (
    id varchar primary key default gen_random_uuid(),
    page_id varchar references customizable_pages (id),
    section_type text not null,
    section_order integer default 0,
    components jsonb not null,
    section_styles jsonb,
    is_active boolean default true,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists menu_items (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar references establishments (id),
    label text not null,
    url text not null,
    icon text,
    parent_id varchar,
    sort_order integer default 0,
    is_active boolean default true,
    permissions jsonb,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists users (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar references establishments (id),
    email text not null unique,
    username text not null,
    password text not null,
    first_name text,
    last_name text,
    profile_image_url text,
    role user_role default 'apprenant',
    phone_number text,
    department text,
    position text,
    bio text,
    preferences jsonb,
    metadata jsonb,
    is_active boolean default true,
    is_email_verified boolean default false,
    permissions jsonb,
    last_login_at timestamp,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists permissions (
    id varchar primary key default gen_random_uuid(),
    name text not null unique,
    resource text not null,
    action text not null,
    description text,
    created_at timestamp default now()
);

create table if not exists role_permissions (
    id varchar primary key default gen_random_uuid(),
    role user_role not null,
    permission_id varchar references permissions (id),
    created_at timestamp default now()
);

create table if not exists user_permissions (
    id varchar primary key default gen_random_uuid(),
    user_id varchar references users (id),
    permission_id varchar references permissions (id),
    granted boolean default true,
    granted_by varchar references users (id),
    reason text,
    expires_at timestamp,
    created_at timestamp default now()
);

create table if not exists trainer_spaces (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar references establishments (id),
    trainer_id varchar references users (id),
    name text not null,
    description text,
    is_active boolean default false,
    approved_by varchar references users (id),
    approved_at timestamp,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists courses (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar references establishments (id),
    title text not null,
    description text not null,
    short_description text,
    category text not null,
    type text default 'asynchrone',
    price numeric(10,2) default 0,
    is_free boolean default false,
    duration integer,
    level text default 'debutant',
    language text default 'fr',
    tags text[],
    image_url text,
    thumbnail_url text,
    video_trailer_url text,
    instructor_id text,
    is_public boolean default false,
    is_active boolean default false,
    rating numeric(3,2) default 0,
    enrollment_count integer default 0,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists training_sessions (
    id varchar primary key default gen_random_uuid(),
    course_id varchar references courses (id),
    name text not null,
    description text,
    start_date timestamp,
    end_date timestamp,
    max_participants integer,
    meeting_url text,
    meeting_id text,
    meeting_platform text,
    status session_status default 'draft',
    is_archived boolean default false,
    archive_data jsonb,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists user_courses (
    id varchar primary key default gen_random_uuid(),
    user_id varchar references users (id),
    course_id varchar references courses (id),
    session_id varchar references training_sessions (id),
    progress integer default 0,
    status text default 'enrolled',
    enrolled_at timestamp default now(),
    started_at timestamp,
    completed_at timestamp,
    last_accessed_at timestamp,
    final_grade numeric(5,2),
    certificate_url text,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists course_modules (
    id varchar primary key default gen_random_uuid(),
    course_id varchar references courses (id),
    title text not null,
    description text,
    order_index integer not null,
    content_type text,
    content_url text,
    content_data jsonb,
    duration integer,
    is_required boolean default true,
    is_active boolean default true,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists educational_plugins (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar references establishments (id),
    name text not null,
    type text not null,
    version text,
    file_path text,
    metadata jsonb,
    is_active boolean default true,
    uploaded_by varchar references users (id),
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists user_module_progress (
    id varchar primary key default gen_random_uuid(),
    user_id varchar not null references users (id) on delete cascade,
    module_id varchar not null references course_modules (id) on delete cascade,
    status text default 'not_started',
    progress_percentage integer default 0,
    score integer,
    time_spent integer default 0,
    attempts integer default 0,
    last_accessed_at timestamp,
    completed_at timestamp,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists assessments (
    id varchar primary key default gen_random_uuid(),
    course_id varchar references courses (id) on delete cascade,
    module_id varchar references course_modules (id) on delete cascade,
    establishment_id varchar not null references establishments (id) on delete cascade,
    title text not null,
    description text,
    assessment_type text not null,
    questions jsonb,
    max_score integer default 100,
    passing_score integer default 60,
    time_limit integer,
    max_attempts integer default 1,
    is_public boolean default true,
    due_date timestamp,
    status text default 'draft',
    approved_by varchar references users (id),
    approved_at timestamp,
    rejection_reason text,
    created_by varchar references users (id),
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists assessment_attempts (
    id varchar primary key default gen_random_uuid(),
    assessment_id varchar not null references assessments (id) on delete cascade,
    user_id varchar not null references users (id) on delete cascade,
    answers jsonb,
    score integer default 0,
    max_score integer default 100,
    status text default 'in_progress',
    time_spent integer default 0,
    started_at timestamp default now(),
    submitted_at timestamp,
    graded_at timestamp,
    feedback text,
    graded_by varchar references users (id),
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists certificates (
    id varchar primary key default gen_random_uuid(),
    user_id varchar not null references users (id) on delete cascade,
    course_id varchar not null references courses (id) on delete cascade,
    establishment_id varchar not null references establishments (id) on delete cascade,
    certificate_number varchar not null unique,
    title text not null,
    description text,
    issue_date timestamp default now(),
    expiry_date timestamp,
    verification_code varchar unique,
    template_url text,
    certificate_url text,
    is_valid boolean default true,
    issued_by varchar references users (id),
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists notifications (
    id varchar primary key default gen_random_uuid(),
    user_id varchar not null references users (id) on delete cascade,
    establishment_id varchar not null references establishments (id) on delete cascade,
    type notification_type not null,
    title text not null,
    message text not null,
    data jsonb,
    is_read boolean default false,
    read_at timestamp,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists export_jobs (
    id varchar primary key default gen_random_uuid(),
    user_id varchar not null references users (id) on delete cascade,
    establishment_id varchar not null references establishments (id) on delete cascade,
    type text not null,
    status text default 'pending',
    progress integer default 0,
    filename text not null,
    file_path text,
    file_size integer,
    download_url text,
    config jsonb,
    error text,
    started_at timestamp,
    completed_at timestamp,
    expires_at timestamp,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists help_contents (
    id text primary key,
    establishment_id text not null,
    title text not null,
    content text not null,
    category text not null,
    role text,
    tags text[],
    search_keywords text[],
    is_active boolean not null default true,
    sort_order integer default 0,
    created_at timestamp not null default now(),
    updated_at timestamp not null default now()
);

create table if not exists system_versions (
    id text primary key,
    version text not null unique,
    title text not null,
    description text not null,
    changelog_markdown text not null,
    release_date timestamp not null,
    is_active boolean not null default false,
    is_maintenance boolean not null default false,
    maintenance_message text,
    created_by text not null,
    created_at timestamp not null default now(),
    updated_at timestamp not null default now()
);

create table if not exists establishment_branding (
    id text primary key,
    establishment_id text not null unique,
    logo_url text,
    favicon_url text,
    primary_color text default '#3b82f6',
    secondary_color text default '#64748b',
    accent_color text default '#10b981',
    custom_css text,
    navigation_config jsonb,
    footer_config jsonb,
    is_active boolean not null default true,
    created_at timestamp not null default now(),
    updated_at timestamp not null default now()
);

create table if not exists study_groups (
    id varchar primary key default gen_random_uuid(),
    establishment_id varchar not null references establishments (id) on delete cascade,
    course_id varchar references courses (id) on delete cascade,
    created_by varchar not null references users (id) on delete cascade,
    name text not null,
    description text,
    max_members integer default 10,
    current_members integer default 1,
    status study_group_status default 'active',
    is_public boolean default true,
    tags text[],
    scheduled_date timestamp,
    end_date timestamp,
    meeting_url text,
    settings jsonb default '{"allowFileSharing": true, "allowScreenShare": true, "allowWhiteboard": true, "allowPolls": true, "moderatorOnly": false}',
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists study_group_members (
    id varchar primary key default gen_random_uuid(),
    study_group_id varchar not null references study_groups (id) on delete cascade,
    user_id varchar not null references users (id) on delete cascade,
    role text default 'member',
    joined_at timestamp default now(),
    last_active timestamp default now(),
    is_active boolean default true
);

create table if not exists study_group_messages (
    id varchar primary key default gen_random_uuid(),
    study_group_id varchar not null references study_groups (id) on delete cascade,
    sender_id varchar not null references users (id) on delete cascade,
    type message_type default 'text',
    content text not null,
    metadata jsonb,
    reply_to_id varchar,
    edited_at timestamp,
    is_deleted boolean default false,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists message_reactions (
    id varchar primary key default gen_random_uuid(),
    message_id varchar not null references study_group_messages (id) on delete cascade,
    user_id varchar not null references users (id) on delete cascade,
    emoji text not null,
    created_at timestamp default now()
);

create table if not exists study_sessions (
    id varchar primary key default gen_random_uuid(),
    study_group_id varchar not null references study_groups (id) on delete cascade,
    host_id varchar not null references users (id) on delete cascade,
    title text not null,
    description text,
    start_time timestamp not null,
    end_time timestamp not null,
    is_recurring boolean default false,
    recurrence_pattern text,
    max_participants integer,
    current_participants integer default 0,
    meeting_room_id varchar,
    status text default 'scheduled',
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists study_session_participants (
    id varchar primary key default gen_random_uuid(),
    session_id varchar not null references study_sessions (id) on delete cascade,
    user_id varchar not null references users (id) on delete cascade,
    joined_at timestamp,
    left_at timestamp,
    duration integer default 0,
    status text default 'registered'
);

create table if not exists whiteboards (
    id varchar primary key default gen_random_uuid(),
    study_group_id varchar not null references study_groups (id) on delete cascade,
    created_by varchar not null references users (id) on delete cascade,
    title text not null,
    data jsonb not null,
    is_active boolean default true,
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table if not exists shared_files (
    id varchar primary key default gen_random_uuid(),
    study_group_id varchar not null references study_groups (id) on delete cascade,
    uploaded_by varchar not null references users (id) on delete cascade,
    file_name text not null,
    original_name text not null,
    file_size integer not null,
    mime_type text not null,
    file_url text not null,
    description text,
    downloads integer default 0,
    is_active boolean default true,
    created_at timestamp default now()
);
