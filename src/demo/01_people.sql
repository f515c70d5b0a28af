-- The demo's two schools and their people. Passwords are set by the command that runs this, one salt each.
-- Everything below refers to things by a short name; pg_temp.id('name') makes a random id once and remembers it.
set local timezone = 'UTC';

create temp table demo_name (name text primary key, id text not null default gen_random_uuid()) on commit drop;

create function pg_temp.id(wanted text) returns text language sql as $$
    insert into demo_name (name) values (wanted)
    on conflict (name) do update set name = excluded.name returning id
$$;

insert into establishments (id, name, slug, description, settings) values
    (pg_temp.id('moliere'), 'Lycée Molière', 'lycee-moliere',
     'Lycée général et technologique de centre-ville : 900 élèves, une option théâtre et un club de mathématiques qui déborde.',
     '{"language": "fr", "demo": true}'),
    (pg_temp.id('turing'), 'Campus Turing', 'campus-turing',
     'Bilingual computing school: small groups, real projects, and a coffee machine that never sleeps.',
     '{"language": "en", "selfRegistration": true, "demo": true}');

create temp table demo_person (school text, account text, role user_role, first_name text, last_name text, position text, bio text)
    on commit drop;

insert into demo_person values
    ('moliere', 'admin',      'admin',     'Hélène',   'Marchand', 'Proviseure adjointe',       'S''occupe de tout ce qui a un mot de passe.'),
    ('moliere', 'manager',    'manager',   'Karim',    'Benali',   'Coordinateur pédagogique',  'Emplois du temps, salles, et bonne humeur.'),
    ('moliere', 'formateur',  'formateur', 'Camille',  'Rousseau', 'Professeure de mathématiques', 'Agrégée de mathématiques, amatrice de théâtre.'),
    ('moliere', 'apprenant1', 'apprenant', 'Léa',      'Martin',   null, 'Terminale B. Veut faire médecine.'),
    ('moliere', 'apprenant2', 'apprenant', 'Noah',     'Dubois',   null, 'Terminale B. Batteur le soir.'),
    ('moliere', 'apprenant3', 'apprenant', 'Inès',     'Moreau',   null, 'Première A. Lit plus vite que son ombre.'),
    ('moliere', 'apprenant4', 'apprenant', 'Yanis',    'Haddad',   null, 'Seconde 4. Démonte tout, remonte presque tout.'),
    ('moliere', 'apprenant5', 'apprenant', 'Chloé',    'Petit',    null, 'Terminale B.'),
    ('moliere', 'apprenant6', 'apprenant', 'Lucas',    'Garnier',  null, 'Terminale C. Toujours en retard, jamais absent.'),
    ('turing',  'admin',      'admin',     'Margaret', 'O''Neill', 'Head of school',            'Keeps the lights on and the doors open.'),
    ('turing',  'manager',    'manager',   'Thomas',   'Lefèvre',  'Responsable des études',    'Planning, jurys et stages.'),
    ('turing',  'formateur',  'formateur', 'David',    'Okafor',   'Lecturer in computer science', 'Algorithms by day, synthesizers by night.'),
    ('turing',  'apprenant1', 'apprenant', 'Sofia',    'Rossi',    null, 'Second year. Rust curious.'),
    ('turing',  'apprenant2', 'apprenant', 'Adam',     'Nguyen',   null, 'Deuxième année, base de données et badminton.'),
    ('turing',  'apprenant3', 'apprenant', 'Emma',     'Clarke',   null, 'First year, from Leeds.'),
    ('turing',  'apprenant4', 'apprenant', 'Mehdi',    'Fassi',    null, 'Première année, alternant.'),
    ('turing',  'apprenant5', 'apprenant', 'Jana',     'Novák',    null, 'Erasmus, Brno.'),
    ('turing',  'apprenant6', 'apprenant', 'Victor',   'Lambert',  null, 'Deuxième année. vim, évidemment.');

insert into users (id, establishment_id, email, username, password, first_name, last_name, role, position, bio, is_email_verified, preferences, metadata)
select pg_temp.id(account || '@' || school), pg_temp.id(school), account || '@' || school || '.test', account || '.' || school, '',
       first_name, last_name, role, position, bio, true,
       jsonb_build_object('language', case school when 'turing' then 'en' else 'fr' end), '{"demo": true}'
from demo_person;

insert into users (id, email, username, password, first_name, last_name, role, is_email_verified, metadata)
values (pg_temp.id('superadmin'), 'superadmin@stacgate.test', 'superadmin', '', 'Alex', 'Durand', 'super_admin', true, '{"demo": true}');
