-- Lists go by time, and an adopted database has rows without one: they count as the oldest, in the index as in the statements.
drop index stacgate_courses_newest, stacgate_assessments_newest, stacgate_notifications_newest, stacgate_attempts_newest, stacgate_attempts_mine,
    stacgate_exports_newest, stacgate_certificates_newest, stacgate_trainer_spaces_newest, stacgate_user_courses_newest;
create index stacgate_courses_newest on courses (establishment_id, coalesce(created_at, 'epoch'::timestamp) desc, id desc);
create index stacgate_assessments_newest on assessments (establishment_id, coalesce(created_at, 'epoch'::timestamp) desc, id desc);
create index stacgate_notifications_newest on notifications (user_id, coalesce(created_at, 'epoch'::timestamp) desc, id desc);
create index stacgate_attempts_newest on assessment_attempts (assessment_id, coalesce(started_at, 'epoch'::timestamp) desc, id desc);
create index stacgate_attempts_mine on assessment_attempts (user_id, coalesce(started_at, 'epoch'::timestamp) desc, id desc);
create index stacgate_exports_newest on export_jobs (establishment_id, coalesce(created_at, 'epoch'::timestamp) desc, id desc);
create index stacgate_certificates_newest on certificates (establishment_id, coalesce(issue_date, 'epoch'::timestamp) desc, id desc);
create index stacgate_trainer_spaces_newest on trainer_spaces (establishment_id, coalesce(created_at, 'epoch'::timestamp) desc, id desc);
create index stacgate_user_courses_newest on user_courses (course_id, coalesce(enrolled_at, 'epoch'::timestamp) desc, id desc);
