-- Courses over REST: versions for If-Match, words without accents for searching, capacity, and the JSON of a course written once.

create extension if not exists unaccent;
create extension if not exists pg_trgm;

-- Lower case without accents. Immutable, as the dictionary's name is given; indexes and generated columns need that.
create function stacgate_fold(t text) returns text language sql immutable parallel safe
    set search_path = pg_catalog, public, pg_temp as $$ select lower(unaccent('unaccent'::regdictionary, t)) $$;

-- Moves only with what PUT can set: statistics leave it alone.
alter table courses add column if not exists row_version bigint not null default 1,
                    add column if not exists max_participants integer;
alter table course_modules add column if not exists row_version bigint not null default 1;
alter table training_sessions add column if not exists row_version bigint not null default 1;
create index stacgate_courses_newest on courses (establishment_id, created_at desc, id desc);
create index stacgate_courses_popular on courses (establishment_id, enrollment_count desc, id desc);
create index stacgate_user_courses_newest on user_courses (course_id, enrolled_at desc, id desc);
create index stacgate_user_courses_session on user_courses (session_id) where session_id is not null;
create index stacgate_user_courses_enrolled on user_courses (establishment_id, enrolled_at);

-- One progress a person and module: the furthest stays, then the oldest.
do $$
declare
    n bigint;
begin
    with ranked as (
        select id, row_number() over (partition by user_id, module_id order by (status = 'completed') desc nulls last,
            progress_percentage desc nulls last, created_at nulls last, id) as place
        from user_module_progress
    ), lost as (
        delete from user_module_progress p using ranked where ranked.id = p.id and place > 1 returning p.*
    ), kept as (
        insert into adoption_rejects (table_name, reason, "row")
        select 'user_module_progress', 'the same person''s progress in a module twice', to_jsonb(lost) from lost returning 1
    )
    select count(*) into n from kept;
    if n > 0 then
        raise notice 'user_module_progress: % doubles moved to adoption_rejects', n;
    end if;
end $$;
create unique index user_module_progress_once on user_module_progress (user_id, module_id);

create function course_json(c courses) returns json language sql stable as $$
    select json_build_object('id', c.id, 'establishmentId', c.establishment_id, 'title', c.title, 'description', c.description,
        'shortDescription', c.short_description, 'category', nullif(c.category, ''), 'type', c.type, 'price', coalesce(c.price, 0)::text,
        'isFree', coalesce(c.is_free, false), 'duration', c.duration, 'level', c.level, 'language', c.language,
        'tags', coalesce(to_json(c.tags), '[]'), 'imageUrl', c.image_url, 'thumbnailUrl', c.thumbnail_url,
        'videoTrailerUrl', c.video_trailer_url, 'instructorId', c.instructor_id, 'isPublic', coalesce(c.is_public, false),
        'isActive', coalesce(c.is_active, false), 'maxParticipants', c.max_participants, 'rating', coalesce(c.rating, 0)::text,
        'enrollmentCount', coalesce(c.enrollment_count, 0), 'createdAt', iso8601(coalesce(c.created_at, 'epoch')),
        'updatedAt', iso8601(coalesce(c.updated_at, c.created_at, 'epoch')))
$$;

create function module_json(m course_modules) returns json language sql stable as $$
    select json_build_object('id', m.id, 'courseId', m.course_id, 'title', m.title, 'description', m.description,
        'orderIndex', m.order_index, 'contentType', m.content_type, 'contentUrl', m.content_url, 'contentData', m.content_data,
        'duration', m.duration, 'isRequired', m.is_required is not false, 'isActive', m.is_active is not false,
        'createdAt', iso8601(m.created_at), 'updatedAt', iso8601(coalesce(m.updated_at, m.created_at)))
$$;

create function training_session_json(s training_sessions) returns json language sql stable as $$
    select json_build_object('id', s.id, 'courseId', s.course_id, 'name', s.name, 'description', s.description,
        'startDate', iso8601(s.start_date), 'endDate', iso8601(s.end_date), 'maxParticipants', s.max_participants,
        'meetingUrl', s.meeting_url, 'meetingId', s.meeting_id, 'meetingPlatform', s.meeting_platform, 'status', s.status,
        'isArchived', coalesce(s.is_archived, false), 'createdAt', iso8601(s.created_at),
        'updatedAt', iso8601(coalesce(s.updated_at, s.created_at)))
$$;

create function enrollment_json(e user_courses) returns json language sql stable as $$
    select json_build_object('id', e.id, 'userId', e.user_id, 'courseId', e.course_id, 'sessionId', e.session_id,
        'progress', coalesce(e.progress, 0), 'status', e.status, 'enrolledAt', iso8601(e.enrolled_at), 'startedAt', iso8601(e.started_at),
        'completedAt', iso8601(e.completed_at), 'lastAccessedAt', iso8601(e.last_accessed_at), 'finalGrade', e.final_grade::text,
        'certificateUrl', e.certificate_url)
$$;

-- What old clients call levels, kinds and languages, as they are stored.
create function stacgate_plain_word(t text) returns text language sql immutable parallel safe as $$
    select case t when 'débutant' then 'debutant' when 'intermédiaire' then 'intermediaire' when 'avancé' then 'avance'
                  when 'cours' then 'asynchrone' when 'français' then 'fr' when 'anglais' then 'en' else t end
$$;

-- course_tenant(id) -> text      the school of a course that anybody may see; of any course, for a super_admin
create function course_tenant(p_id text) returns text
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select c.establishment_id from courses c join establishments e on e.id = c.establishment_id
    where c.id = p_id and (c.is_public and c.is_active and e.is_active is not false or stacgate_is_super_admin())
$$;
select stacgate_publish('course_tenant(text)'::regprocedure);
