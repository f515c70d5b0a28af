-- Assessments over REST: drafts of approved ones, versions that attempts were begun with, attempts on the server's clock, accommodations.

alter table assessments add column if not exists row_version bigint not null default 1,
    add column if not exists version integer not null default 1,
    add column if not exists draft_of varchar references assessments (id) on delete cascade;
create unique index assessments_draft on assessments (draft_of) where draft_of is not null;
create index stacgate_assessments_newest on assessments (establishment_id, created_at desc, id desc);

-- What an approved assessment asked before its present version: attempts are graded by what they were begun with.
create table assessment_versions (
    assessment_id varchar not null references assessments (id) on delete cascade,
    version integer not null,
    establishment_id varchar not null references establishments on delete cascade,
    questions jsonb not null,
    at timestamp not null default (now() at time zone 'utc'),
    primary key (assessment_id, version)
);
select stacgate_tenant_table('assessment_versions');

-- deadline: when the server submits it; null: no limit. results: one object a question, once graded.
alter table assessment_attempts add column if not exists version integer, add column if not exists deadline timestamp,
    add column if not exists results jsonb;
create index stacgate_attempts_newest on assessment_attempts (assessment_id, started_at desc, id desc);
create index stacgate_attempts_mine on assessment_attempts (user_id, started_at desc, id desc);
create index stacgate_attempts_due on assessment_attempts (deadline) where status = 'in_progress' and deadline is not null;
create index stacgate_attempts_ungraded on assessment_attempts (submitted_at) where status = 'submitted' and results is null;

create table assessment_accommodations (
    assessment_id varchar not null,
    user_id varchar not null references users on delete cascade,
    establishment_id varchar not null references establishments on delete cascade,
    extra_time integer not null default 0,
    extra_attempts integer not null default 0,
    due_date timestamp,
    reason text,
    granted_by varchar references users on delete set null,
    at timestamp not null default (now() at time zone 'utc'),
    primary key (assessment_id, user_id),
    foreign key (assessment_id, establishment_id) references assessments (id, establishment_id) on delete cascade
);
select stacgate_tenant_table('assessment_accommodations');

-- Without questions: those leave by assessment_full, for authors, and by questions_for_taker.
create function assessment_json(a assessments) returns json language sql stable as $$
    select json_build_object('id', a.id, 'courseId', a.course_id, 'moduleId', a.module_id, 'establishmentId', a.establishment_id,
        'title', a.title, 'description', a.description, 'assessmentType', a.assessment_type, 'maxScore', coalesce(a.max_score, 100),
        'passingScore', coalesce(a.passing_score, 60), 'timeLimit', nullif(a.time_limit, 0), 'maxAttempts', a.max_attempts,
        'isPublic', a.is_public is not false, 'dueDate', iso8601(a.due_date), 'status', a.status, 'version', a.version,
        'draftOf', a.draft_of, 'createdBy', a.created_by, 'approvedBy', a.approved_by, 'approvedAt', iso8601(a.approved_at),
        'questionCount', case jsonb_typeof(a.questions) when 'array' then jsonb_array_length(a.questions) else 0 end,
        'createdAt', iso8601(a.created_at), 'updatedAt', iso8601(coalesce(a.updated_at, a.created_at)))
$$;
create function assessment_full(a assessments) returns json language sql stable as $$
    select (assessment_json(a)::jsonb || jsonb_build_object('questions', coalesce(a.questions, '[]'), 'rejectionReason',
                                                            a.rejection_reason))::json
$$;

-- What a taker may see of questions: named fields only, so that a key added to questions one day stays inside. Parts whose order is the
-- answer come in an order of the seed's.
create function questions_for_taker(q jsonb, seed text) returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'id', x -> 'id', 'type', x -> 'type', 'text', x -> 'text', 'points', x -> 'points', 'imageUrl', x -> 'imageUrl',
        'options', (select jsonb_agg(jsonb_build_object('id', o -> 'id', 'text', o -> 'text') order by
                        case when x ->> 'type' = 'ordering' then md5(seed || (o ->> 'id')) end, n)
                    from jsonb_array_elements(case jsonb_typeof(x -> 'options') when 'array' then x -> 'options' else '[]' end)
                         with ordinality as t (o, n)),
        'matches', (select jsonb_agg(jsonb_build_object('id', o -> 'id', 'text', o -> 'text') order by md5(seed || (o ->> 'id')))
                    from jsonb_array_elements(case jsonb_typeof(x -> 'matches') when 'array' then x -> 'matches' else '[]' end) o),
        'blanks', case when x ->> 'type' = 'fill-in' then jsonb_array_length(x -> 'answer') end)) order by place), '[]')
    from jsonb_array_elements(case jsonb_typeof(q) when 'array' then q else '[]' end) with ordinality as t (x, place)
$$;

-- The questions that an attempt was begun with.
create function attempt_questions(a assessment_attempts) returns jsonb language sql stable as $$
    select coalesce((select v.questions from assessment_versions v where v.assessment_id = a.assessment_id and v.version = a.version),
                    (select q.questions from assessments q where q.id = a.assessment_id), '[]')
$$;

create function attempt_json(a assessment_attempts) returns json language sql stable as $$
    select json_build_object('id', a.id, 'attemptId', a.id, 'assessmentId', a.assessment_id, 'userId', a.user_id, 'status', a.status,
        'score', coalesce(a.score, 0), 'maxScore', coalesce(a.max_score, 100), 'timeSpent', coalesce(a.time_spent, 0),
        'startedAt', iso8601(a.started_at), 'deadline', iso8601(a.deadline), 'submittedAt', iso8601(a.submitted_at),
        'gradedAt', iso8601(a.graded_at), 'completedAt', iso8601(coalesce(a.submitted_at, a.graded_at)), 'gradedBy', a.graded_by,
        'feedback', a.feedback, 'results', a.results)
$$;

-- Old clients list their attempts with what they were of.
create function attempt_with_assessment(a assessment_attempts) returns json language sql stable as $$
    select (attempt_json(a)::jsonb || jsonb_build_object('assessment', (
        select jsonb_build_object('id', q.id, 'title', q.title, 'passingScore', coalesce(q.passing_score, 60), 'course',
            (select jsonb_build_object('id', c.id, 'title', c.title, 'category', c.category) from courses c where c.id = q.course_id))
        from assessments q where q.id = a.assessment_id)))::json
$$;

-- attempts_due(within_s) -> table (establishment_id, id)      attempts whose time is up by then, and submitted ones that nobody graded
create function attempts_due(p_within integer) returns table (establishment_id text, id text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    (select a.establishment_id::text, a.id::text from assessment_attempts a
     where a.status = 'in_progress' and a.deadline <= (now() at time zone 'utc') + p_within * interval '1 second'
     order by a.deadline limit 1000)
    union all
    (select a.establishment_id::text, a.id::text from assessment_attempts a
     where a.status = 'submitted' and a.results is null and a.version is not null
       and a.submitted_at < (now() at time zone 'utc') - interval '10 seconds' limit 1000)
$$;
grant select on assessment_attempts to stacgate_definer;
create policy definer on assessment_attempts for select to stacgate_definer using (true);
select stacgate_publish('attempts_due(integer)'::regprocedure);
