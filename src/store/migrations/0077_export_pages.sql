-- Exports read a school's rows page by page in the order of their ids: a range of an index, however far the page is.
create index stacgate_attempts_pages on assessment_attempts (establishment_id, id);
create index stacgate_user_courses_pages on user_courses (establishment_id, id);
create index stacgate_users_pages on users (establishment_id, id);
