-- What was said in the groups: a line a message, in order; `re` is the number of the message it answers.
create temp table demo_message (n serial, grp text, who text, re integer, text text) on commit drop;

insert into demo_message (grp, who, re, text) values
    ('bac', 'formateur',  null, 'Bonsoir à tous ! Le principe : un exercice par soir, chacun propose une idée, et on ne recopie pas de corrigé. Ce soir, les suites.'),
    ('bac', 'apprenant1', null, 'Bonsoir madame ! On prend l''exercice 3 du sujet de Pondichéry ?'),
    ('bac', 'formateur',  2,    'Très bon choix. u(n+1) = 0,5·u(n) + 3, avec u(0) = 2. Que peut-on conjecturer ?'),
    ('bac', 'apprenant2', null, 'J''ai calculé les premiers termes : 2 ; 4 ; 5 ; 5,5 ; 5,75… ça monte de moins en moins.'),
    ('bac', 'apprenant5', 4,    'Ça a l''air de s''arrêter à 6, non ?'),
    ('bac', 'apprenant6', null, 'Désolé du retard, le bus. On en est où ?'),
    ('bac', 'apprenant1', 6,    'Exercice 3, question 1. On conjecture que la suite est croissante et tend vers 6.'),
    ('bac', 'formateur',  5,    'D''où vient ce 6, Chloé ? Comment le trouver sans calculer cent termes ?'),
    ('bac', 'apprenant5', 8,    'Si ça ne bouge plus, alors x = 0,5x + 3, donc 0,5x = 3 et x = 6 !'),
    ('bac', 'formateur',  9,    'Exactement : le point fixe. Attention, cela ne prouve pas encore que la suite converge.'),
    ('bac', 'apprenant2', null, 'Pour la récurrence, on pose v(n) = u(n) − 6 ?'),
    ('bac', 'apprenant1', 11,   'Oui ! v(n+1) = 0,5·u(n) + 3 − 6 = 0,5·(u(n) − 6). Donc v est géométrique de raison 0,5.'),
    ('bac', 'apprenant6', 12,   'Attends, pourquoi 3 − 6 devient −6 dans la parenthèse ?'),
    ('bac', 'apprenant1', 13,   'Parce que −3 = 0,5 × (−6). On met 0,5 en facteur.'),
    ('bac', 'apprenant6', 14,   'Ahhh d''accord. Merci !'),
    ('bac', 'formateur',  null, 'Il reste à conclure. Qui rédige la limite proprement ?'),
    ('bac', 'apprenant2', null, 'v(n) = −4 × 0,5ⁿ, et comme −1 < 0,5 < 1, 0,5ⁿ tend vers 0. Donc u(n) tend vers 6.'),
    ('bac', 'formateur',  17,   'Parfait. Au bac, la phrase « comme −1 < 0,5 < 1 » vaut un demi-point : ne l''oubliez jamais.'),
    ('bac', 'apprenant3', null, 'Je suis en Première mais je lis tout, c''est plus clair que mon manuel.'),
    ('bac', 'apprenant4', 19,   'Pareil, et je suis en Seconde. Je ne comprends rien mais c''est joli.'),
    ('bac', 'formateur',  null, 'Vous êtes les bienvenus tous les deux. Demain : loi binomiale. J''ouvre un tableau pour l''arbre de probabilités.'),
    ('bac', 'apprenant5', null, 'Est-ce qu''on a droit à la calculatrice pour l''arbre ?'),
    ('bac', 'formateur',  22,   'Oui, mais je veux voir la formule écrite avant le résultat.'),
    ('bac', 'apprenant2', null, 'J''ai concert demain soir, je rattraperai en lisant le fil.'),
    ('bac', 'apprenant1', 24,   'Je te garde le résumé. Bon concert !'),
    ('bac', 'apprenant6', null, 'Demain je prends le bus d''avant, promis.'),

    ('lecture', 'apprenant3', null, 'Bienvenue ! On lit l''acte I pour dimanche. Qui prend quel rôle à voix haute ?'),
    ('lecture', 'apprenant5', null, 'Je veux faire Toinette, elle a les meilleures répliques.'),
    ('lecture', 'apprenant2', null, 'Argan pour moi. Je sais très bien me plaindre.'),
    ('lecture', 'apprenant1', 3,    'On confirme 😄'),
    ('lecture', 'apprenant3', null, 'La scène d''ouverture est géniale : un homme seul qui compte ses lavements. C''est de la comptabilité comique.'),
    ('lecture', 'formateur',  5,    'Belle formule, gardez-la pour l''oral. Remarquez aussi les chiffres : que disent-ils de son rapport aux médecins ?'),
    ('lecture', 'apprenant5', 6,    'Qu''il leur fait confiance, mais qu''il recompte quand même la facture.'),
    ('lecture', 'apprenant1', 7,    'Il est crédule sur la santé et méfiant sur l''argent. C''est ça qui est drôle.'),
    ('lecture', 'formateur',  8,    'Voilà une phrase de commentaire. Avec une citation à l''appui, elle est parfaite.'),
    ('lecture', 'apprenant2', null, '« Trente sols un lavement ! » → crédule ET radin, en cinq mots.'),
    ('lecture', 'apprenant3', null, 'Pour l''oral, on se fait passer à tour de rôle mercredi pendant la pause ?'),
    ('lecture', 'apprenant1', 11,   'Mercredi 12 h 30, salle 204, je demande la clé à M. Benali.'),
    ('lecture', 'apprenant5', 11,   'J''apporte des biscuits. Rien de médicinal.'),
    ('lecture', 'apprenant2', null, 'J''ai trouvé une captation de la Comédie-Française, je mets le lien.'),
    ('lecture', 'apprenant2', null, 'La cérémonie finale, en latin de cuisine'),
    ('lecture', 'apprenant3', 15,   'Le « bene, bene respondere » est exactement comme dans ma tête.'),
    ('lecture', 'formateur',  null, 'Une question à préparer pour mercredi : pourquoi finir par un ballet plutôt que par une leçon ?'),
    ('lecture', 'apprenant3', 17,   'Parce que ceux qui ont besoin de la leçon se seraient endormis ?'),

    ('tp', 'apprenant4', null, 'Les gars, j''ai récupéré deux micros. On peut mesurer la vitesse du son dans le couloir du fond.'),
    ('tp', 'apprenant1', null, 'Super. Il faut au moins 10 mètres entre les deux, sinon l''incertitude est énorme.'),
    ('tp', 'apprenant6', 2,    'Le couloir fait 24 m, j''ai compté les carreaux : 80 × 30 cm.'),
    ('tp', 'apprenant4', null, 'Premier essai : 58 ms pour 20 m. Ça donne 345 m/s !'),
    ('tp', 'apprenant1', 4,    'Pas mal ! À 20 °C la valeur attendue est 343. Tu as refait la mesure combien de fois ?'),
    ('tp', 'apprenant4', 5,    '… une fois.'),
    ('tp', 'apprenant1', 6,    'Yanis. On en fait dix et on donne l''écart-type, sinon ce n''est pas une mesure, c''est un coup de chance.'),
    ('tp', 'apprenant6', null, 'Je m''occupe du tableur. Qui fait le clap ?'),
    ('tp', 'apprenant4', 8,    'Moi, j''ai une planche et deux charnières.'),
    ('tp', 'apprenant6', null, 'Dix mesures : moyenne 344,1 m/s, écart-type 2,3. On est bons.'),
    ('tp', 'apprenant1', 10,   'Magnifique. J''écris la partie incertitudes ce soir, vous relisez demain ?'),
    ('tp', 'apprenant4', 11,   'Marché conclu. Et désolé pour le carreau fêlé.'),

    ('cercle', 'formateur',  null, 'Welcome to the circle. One rule: explain your idea in words before you show any code.'),
    ('cercle', 'apprenant1', null, 'Today''s problem: find the first repeated character in a string. Who starts?'),
    ('cercle', 'apprenant3', 2,    'Two nested loops: compare every character with every one before it. Slow but it works.'),
    ('cercle', 'apprenant6', 3,    'O(n²). Avec un ensemble des caractères déjà vus, on passe à O(n).'),
    ('cercle', 'apprenant5', 4,    'And if the alphabet is only a–z, the set fits in 26 bits. One integer!'),
    ('cercle', 'formateur',  5,    'Nice. What do you give up when you do that?'),
    ('cercle', 'apprenant5', 6,    'Accents. And emoji. And… most of the world.'),
    ('cercle', 'apprenant4', 7,    'Mon prénom passe, c''est déjà ça.'),
    ('cercle', 'apprenant2', null, 'Is a hash table really O(1)? Mine gets slower when it is nearly full.'),
    ('cercle', 'apprenant1', 9,    'Expected O(1), as long as you resize before it gets crowded. What''s your load factor?'),
    ('cercle', 'apprenant2', 10,   'I never resized. That explains it.'),
    ('cercle', 'formateur',  11,   'Everyone writes that bug once. Now try to make it slow on purpose: choose keys that all collide.'),
    ('cercle', 'apprenant6', 12,   'Fait : 40 000 clés, 12 secondes. C''est donc pour ça que les serveurs salent leur hachage.'),
    ('cercle', 'apprenant3', null, 'Could someone explain Dijkstra again? I lost the thread at the priority queue.'),
    ('cercle', 'apprenant1', 14,   'Imagine pouring water at the start. It reaches the nearest crossing first. The queue only tells you where the water gets next.'),
    ('cercle', 'apprenant3', 15,   'Oh! And a crossing that is already wet never changes. Got it, thank you!'),
    ('cercle', 'formateur',  15,   'I am stealing that explanation for the lecture.'),
    ('cercle', 'apprenant4', null, 'Et si une arête a un poids négatif, l''eau remonte la pente ?'),
    ('cercle', 'formateur',  18,   'Precisely why Dijkstra refuses it. Bellman–Ford tomorrow. Bring coffee.'),
    ('cercle', 'apprenant5', 19,   'The machine on the second floor is fixed, by the way ☕'),

    ('base', 'apprenant2', null, 'J''ouvre ce groupe pour les questions « bêtes ». Il n''y en a pas, mais on ose mieux entre nous.'),
    ('base', 'apprenant4', null, 'Alors je commence : c''est quoi la différence entre WHERE et HAVING ?'),
    ('base', 'apprenant2', 2,    'WHERE filtre les lignes avant le regroupement, HAVING filtre les groupes après.'),
    ('base', 'apprenant4', 3,    'Donc « les auteurs qui ont plus de trois livres », c''est HAVING count(*) > 3 ?'),
    ('base', 'apprenant2', 4,    'Exactement.'),
    ('base', 'apprenant5', null, 'My query has an index and still does a sequential scan. Is the planner broken?'),
    ('base', 'apprenant1', 6,    'How many rows? On a tiny table reading everything is cheaper than jumping around.'),
    ('base', 'apprenant5', 7,    '12 rows.'),
    ('base', 'apprenant1', 8,    '😅 Try it with a million, then look at EXPLAIN ANALYZE again.'),
    ('base', 'apprenant4', null, 'LEFT JOIN me donne des doublons, je ne comprends pas pourquoi.'),
    ('base', 'apprenant2', 10,   'Sans doute plusieurs lignes à droite pour une à gauche : une commande avec trois articles sort trois fois.'),
    ('base', 'apprenant4', 11,   'C''était ça ! Merci, tu m''évites le DISTINCT de la honte.'),
    ('base', 'apprenant1', null, 'Isolation levels: who wants to try to make a phantom read on purpose at lunch?'),
    ('base', 'apprenant5', 13,   'Me! I bring two laptops.'),

    ('shell', 'apprenant6', null, 'Répartition : je prends l''analyse de la ligne, Emma les tubes, Mehdi les signaux. Ça vous va ?'),
    ('shell', 'apprenant3', 1,    'Fine by me. Do we support quotes in the first version?'),
    ('shell', 'apprenant6', 2,    'Guillemets simples seulement. Les doubles, si on a le temps.'),
    ('shell', 'apprenant4', null, 'Mon shell meurt quand je fais Ctrl-C. C''est normal qu''il soit susceptible ?'),
    ('shell', 'apprenant6', 4,    'Il faut ignorer SIGINT dans le parent et remettre SIG_DFL dans l''enfant, avant exec.'),
    ('shell', 'apprenant4', 5,    'Réparé. Il survit à tout, maintenant, même à moi.'),
    ('shell', 'apprenant3', null, 'ls | wc hangs forever for me. I close the pipe in the children…'),
    ('shell', 'formateur',  7,    'And in the parent? Count the write ends that are still open.'),
    ('shell', 'apprenant3', 8,    'Oh. Oh no. Yes. Fixed, it was the parent.'),
    ('shell', 'apprenant6', null, 'Tous les tests de la semaine 1 passent. On vise les redirections pour vendredi.'),
    ('shell', 'apprenant4', 10,   'Je m''occupe de 2>&1, ça m''intrigue depuis la maternelle.'),
    ('shell', 'formateur',  null, 'Good pace, team 3. Do not forget what happens when the command does not exist: exit code 127.');

create temp table demo_reaction (grp text, seq integer, who text, emoji text) on commit drop;

insert into demo_reaction values
    ('bac', 9, 'formateur', '👏'), ('bac', 9, 'apprenant1', '👏'), ('bac', 9, 'apprenant2', '💡'), ('bac', 15, 'apprenant1', '🙂'),
    ('bac', 18, 'apprenant1', '👍'), ('bac', 18, 'apprenant2', '👍'), ('bac', 18, 'apprenant5', '👍'), ('bac', 20, 'formateur', '😂'),
    ('bac', 20, 'apprenant1', '😂'), ('bac', 25, 'apprenant2', '❤️'), ('bac', 26, 'apprenant1', '😇'),
    ('lecture', 3, 'apprenant1', '😂'), ('lecture', 5, 'formateur', '👏'), ('lecture', 8, 'formateur', '🎯'), ('lecture', 13, 'apprenant2', '🍪'),
    ('lecture', 13, 'apprenant3', '🍪'), ('lecture', 18, 'formateur', '😂'), ('lecture', 18, 'apprenant5', '😂'),
    ('tp', 4, 'apprenant6', '🎉'), ('tp', 7, 'apprenant6', '😬'), ('tp', 10, 'apprenant1', '🎉'), ('tp', 10, 'apprenant4', '🎉'),
    ('cercle', 5, 'apprenant1', '🤯'), ('cercle', 8, 'apprenant1', '😄'), ('cercle', 13, 'formateur', '👍'), ('cercle', 15, 'formateur', '💧'),
    ('cercle', 15, 'apprenant3', '💧'), ('cercle', 15, 'apprenant5', '❤️'), ('cercle', 20, 'apprenant1', '☕'), ('cercle', 20, 'apprenant3', '☕'),
    ('base', 3, 'apprenant4', '🙏'), ('base', 9, 'apprenant2', '😅'), ('base', 12, 'apprenant1', '😂'),
    ('shell', 6, 'apprenant3', '😄'), ('shell', 9, 'formateur', '👍'), ('shell', 10, 'apprenant3', '🚀'), ('shell', 10, 'apprenant4', '🚀');

-- The last message of each group was said yesterday, the others some minutes before each other.
insert into study_group_messages (id, study_group_id, sender_id, seq, type, content, metadata, reply_to_id, created_at, updated_at)
select pg_temp.id(grp || '#' || seq), pg_temp.id(grp), pg_temp.id(who || '@' || school), seq, 'text', text, null,
       case when re is not null then pg_temp.id(grp || '#' || re) end, at, at
from (
    select m.grp, m.who, m.re, m.text, g.school, s.seq,
           date_trunc('minute', now()) - interval '1 day' - (count(*) over (partition by m.grp) - s.seq) * interval '9 minutes'
               - (s.seq * 5 % 8) * interval '1 minute' as at
    from demo_message m join demo_group g on g.name = m.grp,
         lateral (select count(*) as seq from demo_message e where e.grp = m.grp and e.n <= m.n) s
    order by m.n
) said;

update study_group_messages set type = 'link',
       metadata = '{"url": "https://www.comedie-francaise.fr/", "title": "La cérémonie finale du Malade imaginaire"}'
where id = pg_temp.id('lecture#15');

insert into message_reactions (message_id, user_id, emoji, created_at)
select m.id, pg_temp.id(r.who || '@' || g.school), r.emoji, m.created_at + interval '3 minutes'
from demo_reaction r join demo_group g on g.name = r.grp join study_group_messages m on m.id = pg_temp.id(r.grp || '#' || r.seq);

insert into study_group_members (study_group_id, user_id, role, joined_at, last_active, last_read_seq)
select pg_temp.id(grp), pg_temp.id(person), role, now() - interval '20 days' + n * interval '1 hour', now() - interval '1 day',
       (select count(*) from demo_message s where s.grp = m.grp) - unread
from demo_member m order by grp, n;
