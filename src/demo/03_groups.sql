-- Six study groups and who belongs to them. The first member named is the one who made the group.
create temp table demo_group (name text primary key, school text, course text, title text, description text, is_public boolean,
                              max_members integer, tags text[]) on commit drop;

insert into demo_group values
    ('bac', 'moliere', 'maths', 'Révisions du bac de maths', 'Un exercice par soir jusqu''à l''épreuve. On explique, on ne donne pas la réponse.', true, 15, '{bac,révisions}'),
    ('lecture', 'moliere', 'theatre', 'Le Malade imaginaire, à plusieurs voix', 'Lire la pièce ensemble et préparer l''oral.', true, 12, '{théâtre,oral}'),
    ('tp', 'moliere', 'physique', 'TP de physique : vitesse du son', 'Le trinôme du jeudi.', false, 4, '{laboratoire}'),
    ('cercle', 'turing', 'algo', 'Algorithms study circle', 'One problem a day, everyone explains.', true, 20, '{algorithms}'),
    ('base', 'turing', 'sql', 'SQL entre nous', 'Les questions qu''on n''ose pas poser en cours.', true, 10, '{sql,entraide}'),
    ('shell', 'turing', 'systeme', 'Projet mini-shell', 'Équipe 3 : rendu dans deux semaines.', false, 5, '{projet,c}');

create temp table demo_member (grp text, n integer, person text, role text, unread integer) on commit drop;

insert into demo_member values
    ('bac', 1, 'formateur@moliere', 'admin', 0), ('bac', 2, 'apprenant1@moliere', 'moderator', 0), ('bac', 3, 'apprenant2@moliere', 'member', 3),
    ('bac', 4, 'apprenant3@moliere', 'member', 26), ('bac', 5, 'apprenant4@moliere', 'member', 8), ('bac', 6, 'apprenant5@moliere', 'member', 1),
    ('bac', 7, 'apprenant6@moliere', 'member', 12),
    ('lecture', 1, 'apprenant3@moliere', 'admin', 0), ('lecture', 2, 'formateur@moliere', 'moderator', 2), ('lecture', 3, 'apprenant1@moliere', 'member', 4),
    ('lecture', 4, 'apprenant2@moliere', 'member', 0), ('lecture', 5, 'apprenant5@moliere', 'member', 6),
    ('tp', 1, 'apprenant4@moliere', 'admin', 0), ('tp', 2, 'apprenant1@moliere', 'member', 2), ('tp', 3, 'apprenant6@moliere', 'member', 5),
    ('cercle', 1, 'formateur@turing', 'admin', 0), ('cercle', 2, 'apprenant1@turing', 'moderator', 0), ('cercle', 3, 'apprenant2@turing', 'member', 5),
    ('cercle', 4, 'apprenant3@turing', 'member', 0), ('cercle', 5, 'apprenant4@turing', 'member', 9), ('cercle', 6, 'apprenant5@turing', 'member', 1),
    ('cercle', 7, 'apprenant6@turing', 'member', 4),
    ('base', 1, 'apprenant2@turing', 'admin', 0), ('base', 2, 'apprenant1@turing', 'member', 3), ('base', 3, 'apprenant4@turing', 'member', 0),
    ('base', 4, 'apprenant5@turing', 'member', 2), ('base', 5, 'manager@turing', 'member', 14),
    ('shell', 1, 'apprenant6@turing', 'admin', 0), ('shell', 2, 'apprenant3@turing', 'member', 1), ('shell', 3, 'apprenant4@turing', 'member', 3),
    ('shell', 4, 'formateur@turing', 'moderator', 6);

insert into study_groups (id, establishment_id, course_id, created_by, name, description, max_members, current_members, is_public, tags, created_at)
select pg_temp.id(name), pg_temp.id(school), pg_temp.id(course), pg_temp.id(m.person), title, description, max_members,
       (select count(*) from demo_member where grp = name), is_public, tags, now() - interval '20 days'
from demo_group join demo_member m on m.grp = name and m.n = 1;
