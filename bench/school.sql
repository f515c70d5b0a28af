-- The database that REST is measured on: 50 establishments, 20,000 people, 2,000 courses, 1,500 groups with 1,000,000 messages, 500,000
-- attempts. Set-based and without triggers and foreign keys (every row names its school itself): a minute or two. Ids are made of
-- numbers, so that a run finds them again. Run as the schema's owner.
\set ON_ERROR_STOP on
set session_replication_role = replica;
set timezone = 'UTC';
create function pg_temp.id(kind text, n bigint) returns text language sql immutable as $$ select md5(kind || n)::uuid::text $$;

insert into establishments (id, name, slug, description, is_active)
select pg_temp.id('e', i), 'École ' || i, 'banc-' || i, 'Établissement du banc d''essai', true from generate_series(0, 49) i;

-- Person n is of school n % 50; the first of each school are its admin, its managers, its trainers.
insert into users (id, establishment_id, email, username, password, first_name, last_name, role, is_active, created_at)
select pg_temp.id('u', n), pg_temp.id('e', n % 50), 'p' || n || '@banc.test', 'p' || n, '', 'Prénom' || n, 'Nom' || n,
       (case when n < 50 then 'admin' when n < 150 then 'manager' when n < 1000 then 'formateur' else 'apprenant' end)::user_role, true,
       now() - (n % 700) * interval '1 day'
from generate_series(0, 19999) n;

insert into courses (id, establishment_id, title, description, short_description, category, type, price, is_free, duration, level, language, tags,
                     instructor_id, is_public, is_active, rating, enrollment_count, created_at, updated_at)
select pg_temp.id('c', n), pg_temp.id('e', n % 50), 'Cours numéro ' || n || ' : notions et exercices', repeat('Une description ordinaire. ', 8),
       'Notions et exercices.', 'Catégorie ' || n / 50 % 8, 'asynchrone', 49.90, n % 3 = 0, 40, 'debutant', 'fr', '{notions,exercices}',
       pg_temp.id('u', 150 + n % 50 + n / 50 % 17 * 50), n % 2 = 0, true, (n % 50) / 10.0, 50, now() - n * interval '7 hours', now()
from generate_series(0, 1999) n;

insert into course_modules (id, course_id, establishment_id, title, order_index, content_type, duration)
select pg_temp.id('m', c * 5 + k), pg_temp.id('c', c), pg_temp.id('e', c % 50), 'Module ' || k, k, 'text', 30
from generate_series(0, 1999) c, generate_series(1, 5) k;

insert into user_courses (user_id, course_id, establishment_id, progress, status, enrolled_at, completed_at)
select pg_temp.id('u', n), pg_temp.id('c', n % 50 + ((n / 50 + k * 7) % 40) * 50), pg_temp.id('e', n % 50), (n + k * 13) % 101,
       case when (n + k * 13) % 101 = 100 then 'completed' else 'in_progress' end, now() - (n % 360) * interval '1 day',
       case when (n + k * 13) % 101 = 100 then now() - (n % 90) * interval '1 day' end
from generate_series(0, 19999) n, generate_series(1, 5) k;

insert into study_groups (id, establishment_id, course_id, created_by, name, description, max_members, current_members, status, is_public, tags,
                          settings, created_at, updated_at)
select pg_temp.id('g', n), pg_temp.id('e', n % 50), pg_temp.id('c', n), pg_temp.id('u', 1000 + n), 'Groupe ' || n, 'On révise ensemble.', 30, 20,
       'active', true, '{révisions}', '{"allowFileSharing": true, "allowScreenShare": true, "allowWhiteboard": true, "allowPolls": true, "moderatorOnly": false}',
       now() - n * interval '3 hours', now()
from generate_series(0, 1499) n;

insert into study_group_members (study_group_id, establishment_id, user_id, role, last_read_seq)
select pg_temp.id('g', n), pg_temp.id('e', n % 50), pg_temp.id('u', 1000 + (n + k * 750) % 19000 / 50 * 50 + n % 50), case k when 0 then 'admin' else 'member' end, 600
from generate_series(0, 1499) n, generate_series(0, 19) k on conflict do nothing;

insert into study_group_messages (id, study_group_id, establishment_id, sender_id, type, content, seq, created_at, updated_at)
select gen_random_uuid()::text, pg_temp.id('g', n % 1500), pg_temp.id('e', n % 1500 % 50), pg_temp.id('u', 1000 + (n / 1500 % 20 * 750 + n % 1500) % 19000 / 50 * 50 + n % 50),
       'text', 'Message ' || n || ' : quelqu''un a compris l''exercice trois, avec la dérivée ?', n / 1500 + 1, now() - (1000000 - n) * interval '20 seconds', now()
from generate_series(0, 999999) n;

insert into channels (topic, establishment_id, last_seq)
select 'group:' || study_group_id, establishment_id, max(seq) from study_group_messages
where study_group_id in (select pg_temp.id('g', n) from generate_series(0, 1499) n) group by 1, 2 on conflict do nothing;

insert into assessments (id, course_id, establishment_id, title, description, assessment_type, questions, max_score, passing_score, max_attempts,
                         is_public, status, created_by, created_at, updated_at)
select pg_temp.id('a', n), pg_temp.id('c', n % 2000), pg_temp.id('e', n % 50), 'Contrôle ' || n, 'Un contrôle.', 'quiz',
       '[{"id": "q1", "type": "true-false", "text": "Vrai ?", "points": 1, "answer": true}]', 100, 60, 0, true, 'approved',
       pg_temp.id('u', 150 + n % 50), now() - n * interval '5 hours', now()
from generate_series(0, 3999) n;

insert into assessment_attempts (id, assessment_id, establishment_id, user_id, answers, score, max_score, status, time_spent, started_at, submitted_at,
                                 graded_at, version, results)
select gen_random_uuid()::text, pg_temp.id('a', n % 4000), pg_temp.id('e', n % 50), pg_temp.id('u', 1000 + (n / 50 * 50) % 19000 + n % 50), '{"q1": true}',
       n % 101, 100, 'graded', 10, now() - (n % 400) * interval '1 day', now(), now(), 1,
       '[{"questionId": "q1", "points": 1, "maxPoints": 1, "correct": true}]'
from generate_series(0, 499999) n;

insert into help_contents (id, establishment_id, title, content, category, is_active)
select pg_temp.id('h', n), pg_temp.id('e', n % 50), 'Aide ' || n, 'Comment rejoindre un groupe, suivre un cours, passer une évaluation.', 'Général', true
from generate_series(0, 1999) n;

insert into user_activity (user_id, day, establishment_id, minutes, last_at)
select pg_temp.id('u', n), current_date - d, pg_temp.id('e', n % 50), 20, (current_date - d)::timestamp
from generate_series(0, 19999, 2) n, generate_series(0, 29) d;

-- Sessions whose cookie a run can write down: the sid is the hash of the token.
insert into sessions (sid, sess, expire)
select encode(sha256(convert_to(rpad('banc-' || n, 43, 'x'), 'utf8')), 'hex'),
       jsonb_build_object('userId', pg_temp.id('u', n), 'createdAt', now(), 'absoluteExpire', now() + interval '30 days'), now() + interval '7 days'
from generate_series(0, 19999) n where n < 100 or n >= 1000 and n < 3000;

set session_replication_role = origin;
select analytics_refresh();
analyze;
