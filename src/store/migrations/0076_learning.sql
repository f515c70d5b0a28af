-- What follows an enrolment: progress through modules, completion, certificates that anybody can verify.
--
-- course_progress_renew(user_id, course_id) -> table (progress, completed_now)     of the enrolment, from its modules
-- certificate_issue(user_id, course_id, issuer) -> json          whom to tell, or null when there is one already
-- certificate_verify(code) -> json                                what a stranger may know of it; null when there is none

create index stacgate_certificates_newest on certificates (establishment_id, issue_date desc, id desc);
create index stacgate_certificates_course on certificates (user_id, course_id);
create index stacgate_trainer_spaces_newest on trainer_spaces (establishment_id, created_at desc, id desc);
create index stacgate_training_sessions_newest on training_sessions (course_id, created_at desc, id desc);
alter table trainer_spaces add column if not exists row_version bigint not null default 1;
alter table certificates add column if not exists revoked_at timestamp, add column if not exists revoked_reason text;

create function trainer_space_json(s trainer_spaces) returns json language sql stable as $$
    select json_build_object('id', s.id, 'trainerId', s.trainer_id, 'name', s.name, 'description', s.description,
        'isActive', coalesce(s.is_active, false), 'approvedBy', s.approved_by, 'approvedAt', iso8601(s.approved_at),
        'createdAt', iso8601(s.created_at), 'updatedAt', iso8601(coalesce(s.updated_at, s.created_at)))
$$;
create function certificate_json(c certificates) returns json language sql stable as $$
    select json_build_object('id', c.id, 'userId', c.user_id, 'courseId', c.course_id, 'certificateNumber', c.certificate_number,
        'title', c.title, 'description', c.description, 'issueDate', iso8601(c.issue_date), 'expiryDate', iso8601(c.expiry_date),
        'verificationCode', c.verification_code, 'verifyUrl', '/api/certificates/verify/' || c.verification_code,
        'isValid', c.is_valid is not false and (c.expiry_date is null or c.expiry_date > now() at time zone 'utc'),
        'revokedAt', iso8601(c.revoked_at), 'revokedReason', c.revoked_reason, 'issuedBy', c.issued_by)
$$;
create function module_progress_json(p user_module_progress) returns json language sql stable as $$
    select json_build_object('moduleId', p.module_id, 'userId', p.user_id, 'status', p.status,
        'progressPercentage', coalesce(p.progress_percentage, 0), 'score', p.score, 'timeSpent', coalesce(p.time_spent, 0),
        'attempts', coalesce(p.attempts, 0), 'lastAccessedAt', iso8601(p.last_accessed_at), 'completedAt', iso8601(p.completed_at))
$$;

create function certificate_issue(p_user text, p_course text, p_issuer text) returns json language sql volatile as $$
    with made as (
        insert into certificates (user_id, course_id, establishment_id, certificate_number, title, verification_code, issue_date, is_valid, issued_by)
        select p_user, c.id, c.establishment_id, 'SG-' || to_char(now() at time zone 'utc', 'YYYY') || '-'
                   || upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 10)), c.title,
               replace(gen_random_uuid()::text, '-', ''), now() at time zone 'utc', true, p_issuer
        from courses c where c.id = p_course
          and not exists (select from certificates k where k.user_id = p_user and k.course_id = p_course and k.is_valid is not false)
        returning certificates as k
    )
    select notify((k).user_id, 'system_update', jsonb_build_object('certificateId', (k).id, 'courseId', (k).course_id,
        'verificationCode', (k).verification_code), 'Certificat obtenu', 'Certificate earned',
        'Votre certificat « ' || (k).title || ' » est disponible.', 'Your certificate "' || (k).title || '" is available.') from made
$$;

create function course_progress_renew(p_user text, p_course text) returns table (progress integer, completed_now boolean)
language sql volatile as $$
    with part as (
        select coalesce(round(avg(case when p.status = 'completed' then 100 else least(coalesce(p.progress_percentage, 0), 99) end)), 0)::integer as percent,
               count(*) > 0 and bool_and(p.status is not distinct from 'completed') as done
        from course_modules m left join user_module_progress p on p.module_id = m.id and p.user_id = p_user
        where m.course_id = p_course and m.is_active is not false and m.is_required is not false
    ), old as (
        select e.id, e.status from user_courses e where e.user_id = p_user and e.course_id = p_course and e.status is distinct from 'dropped'
    ), new as (
        update user_courses e set progress = case when done then 100 else percent end,
            status = case when done or e.status = 'completed' then 'completed' else 'in_progress' end,
            started_at = coalesce(e.started_at, now() at time zone 'utc'), last_accessed_at = now() at time zone 'utc',
            completed_at = case when done then coalesce(e.completed_at, now() at time zone 'utc') else e.completed_at end,
            updated_at = now() at time zone 'utc'
        from part, old where e.id = old.id returning e.progress, e.status = 'completed' and old.status is distinct from 'completed' as fresh
    )
    select progress, fresh from new order by fresh desc limit 1
$$;

create function certificate_verify(p_code text) returns json
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select json_build_object('valid', c.is_valid is not false and (c.expiry_date is null or c.expiry_date > now() at time zone 'utc'),
        'certificateNumber', c.certificate_number, 'title', c.title, 'holder', u.first_name || ' ' || u.last_name, 'establishment', e.name,
        'issueDate', iso8601(c.issue_date), 'expiryDate', iso8601(c.expiry_date), 'revokedAt', iso8601(c.revoked_at))
    from certificates c join users u on u.id = c.user_id join establishments e on e.id = c.establishment_id
    where c.verification_code = p_code and length(p_code) >= 8
$$;
select stacgate_publish('certificate_verify(text)'::regprocedure);
