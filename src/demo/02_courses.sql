-- Six courses with their modules, who teaches them and who follows them.
insert into courses (id, establishment_id, title, description, short_description, category, type, duration, level, language, tags,
                     instructor_id, is_public, is_active, is_free, rating, enrollment_count) values
    (pg_temp.id('maths'), pg_temp.id('moliere'), 'Mathématiques : spécialité de Terminale',
     'Suites, limites, fonctions exponentielle et logarithme, géométrie dans l''espace, probabilités. Chaque chapitre finit par un sujet de bac corrigé ensemble.',
     'Tout le programme de spécialité, jusqu''au bac.', 'Mathématiques', 'synchrone', 120, 'intermediaire', 'fr', '{bac,analyse,probabilités}',
     pg_temp.id('formateur@moliere'), true, true, true, 4.7, 5),
    (pg_temp.id('theatre'), pg_temp.id('moliere'), 'Français de Première : Molière, spectacle et comédie',
     '« Le Malade imaginaire » lu, joué et commenté, avec le parcours « spectacle et comédie » et l''entraînement à l''oral du bac.',
     'Le Malade imaginaire, de la lecture à la scène.', 'Lettres', 'asynchrone', 40, 'debutant', 'fr', '{théâtre,oral,bac}',
     pg_temp.id('formateur@moliere'), true, true, true, 4.5, 3),
    (pg_temp.id('physique'), pg_temp.id('moliere'), 'Physique-chimie : travaux pratiques de Seconde',
     'Mesurer, douter, recommencer : douze séances de laboratoire autour du son, de la lumière et des solutions.',
     'Douze séances de laboratoire.', 'Sciences', 'synchrone', 36, 'debutant', 'fr', '{laboratoire,son,lumière}',
     pg_temp.id('formateur@moliere'), false, true, true, 4.2, 3),
    (pg_temp.id('algo'), pg_temp.id('turing'), 'Algorithms and Data Structures',
     'From arrays to balanced trees, graphs and dynamic programming. Every structure is built by hand once, measured, then used from a library.',
     'Build every structure once, then trust the library.', 'Computer science', 'synchrone', 90, 'intermediaire', 'en', '{algorithms,graphs,complexity}',
     pg_temp.id('formateur@turing'), true, true, false, 4.8, 6),
    (pg_temp.id('sql'), pg_temp.id('turing'), 'Bases de données avec PostgreSQL',
     'Modéliser, interroger, indexer, et lire un plan d''exécution sans trembler.',
     'SQL, index et transactions.', 'Informatique', 'asynchrone', 60, 'debutant', 'fr', '{sql,postgresql,index}',
     pg_temp.id('formateur@turing'), true, true, false, 4.6, 4),
    (pg_temp.id('systeme'), pg_temp.id('turing'), 'Programmation système en C',
     'Processus, tubes, signaux, sockets. Le projet : un petit interpréteur de commandes, de zéro.',
     'Un mini-shell de zéro.', 'Informatique', 'synchrone', 75, 'avance', 'fr', '{c,unix,shell}',
     pg_temp.id('formateur@turing'), false, true, false, 4.9, 3);

create temp table demo_module (course text, n integer, title text, content_type text, duration integer) on commit drop;

insert into demo_module values
    ('maths', 1, 'Suites et récurrence', 'video', 50), ('maths', 2, 'Limites de fonctions', 'text', 40),
    ('maths', 3, 'Exponentielle et logarithme', 'video', 60), ('maths', 4, 'Intégrales et primitives', 'text', 55),
    ('maths', 5, 'Loi binomiale', 'quiz', 30),
    ('theatre', 1, 'Acte I : le compte de l''apothicaire', 'text', 30), ('theatre', 2, 'Toinette, ou l''art de contredire', 'video', 25),
    ('theatre', 3, 'La cérémonie finale', 'text', 30), ('theatre', 4, 'Préparer l''oral', 'quiz', 45),
    ('physique', 1, 'Mesurer la vitesse du son', 'video', 90), ('physique', 2, 'Réfraction et prismes', 'text', 90),
    ('physique', 3, 'Préparer une solution', 'video', 90),
    ('algo', 1, 'Big O, honestly', 'text', 45), ('algo', 2, 'Hash tables by hand', 'video', 60),
    ('algo', 3, 'Trees that stay balanced', 'text', 60), ('algo', 4, 'Graphs: BFS, DFS, Dijkstra', 'video', 75),
    ('algo', 5, 'Dynamic programming', 'quiz', 60),
    ('sql', 1, 'SELECT, et tout ce qui suit', 'text', 40), ('sql', 2, 'Jointures sans larmes', 'video', 45),
    ('sql', 3, 'Index et EXPLAIN', 'text', 60), ('sql', 4, 'Transactions et isolation', 'quiz', 40),
    ('systeme', 1, 'fork, exec, wait', 'text', 60), ('systeme', 2, 'Tubes et redirections', 'video', 60),
    ('systeme', 3, 'Signaux', 'text', 45), ('systeme', 4, 'Le projet : mini-shell', 'text', 240);

insert into course_modules (id, course_id, title, order_index, content_type, duration)
select pg_temp.id(course || '/' || n), pg_temp.id(course), title, n, content_type, duration from demo_module;

create temp table demo_enrolment (course text, learner text, progress integer) on commit drop;

insert into demo_enrolment values
    ('maths', 'apprenant1@moliere', 80), ('maths', 'apprenant2@moliere', 60), ('maths', 'apprenant5@moliere', 60),
    ('maths', 'apprenant6@moliere', 40), ('maths', 'apprenant3@moliere', 0),
    ('theatre', 'apprenant3@moliere', 100), ('theatre', 'apprenant1@moliere', 50), ('theatre', 'apprenant5@moliere', 25),
    ('physique', 'apprenant4@moliere', 67), ('physique', 'apprenant1@moliere', 33), ('physique', 'apprenant6@moliere', 0),
    ('algo', 'apprenant1@turing', 80), ('algo', 'apprenant2@turing', 40), ('algo', 'apprenant3@turing', 60),
    ('algo', 'apprenant4@turing', 20), ('algo', 'apprenant5@turing', 60), ('algo', 'apprenant6@turing', 100),
    ('sql', 'apprenant2@turing', 100), ('sql', 'apprenant1@turing', 50), ('sql', 'apprenant4@turing', 25), ('sql', 'apprenant5@turing', 75),
    ('systeme', 'apprenant6@turing', 75), ('systeme', 'apprenant3@turing', 50), ('systeme', 'apprenant4@turing', 25);

insert into user_courses (user_id, course_id, progress, status, started_at, completed_at)
select pg_temp.id(learner), pg_temp.id(course), progress,
       case when progress = 100 then 'completed' when progress > 0 then 'in_progress' else 'enrolled' end,
       case when progress > 0 then now() - interval '30 days' end, case when progress = 100 then now() - interval '4 days' end
from demo_enrolment;

-- What their progress is made of: a course's modules one after the other. Who has done them all has the certificate.
insert into user_module_progress (user_id, module_id, status, progress_percentage, time_spent, last_accessed_at, completed_at)
select pg_temp.id(e.learner), pg_temp.id(e.course || '/' || m.n), 'completed', 100, m.duration, done.at, done.at
from demo_enrolment e join demo_module m using (course) cross join lateral (select now() - interval '30 days' + m.n * interval '5 days' as at) done
where m.n <= round(e.progress * (select count(*) from demo_module x where x.course = e.course) / 100.0);

insert into certificates (user_id, course_id, establishment_id, certificate_number, title, verification_code, issue_date)
select u.id, c.id, c.establishment_id, 'SG-' || to_char(now(), 'YYYY') || '-' || upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 10)), c.title,
       replace(gen_random_uuid()::text, '-', ''), now() - interval '4 days'
from demo_enrolment e join users u on u.id = pg_temp.id(e.learner) join courses c on c.id = pg_temp.id(e.course) where e.progress = 100;
