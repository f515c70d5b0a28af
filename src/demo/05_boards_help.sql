-- Two whiteboards that the conversations mention, and the first pages of help of each school.
insert into whiteboards (id, study_group_id, created_by, title, data) values
    (pg_temp.id('arbre'), pg_temp.id('bac'), pg_temp.id('formateur@moliere'), 'Loi binomiale : l''arbre', '{"elements": [
        {"id": "titre", "type": "text", "z": "a0", "x": 40, "y": 30, "text": "X suit B(3 ; 0,4). Combien vaut P(X = 2) ?", "size": 22},
        {"id": "branche-s", "type": "line", "z": "a1", "x": 60, "y": 200, "points": [[0, 0], [160, -80]], "stroke": "#10b981"},
        {"id": "branche-e", "type": "line", "z": "a2", "x": 60, "y": 200, "points": [[0, 0], [160, 80]], "stroke": "#ef4444"},
        {"id": "succes", "type": "text", "z": "a3", "x": 230, "y": 110, "text": "S (0,4)", "size": 18},
        {"id": "echec", "type": "text", "z": "a4", "x": 230, "y": 290, "text": "É (0,6)", "size": 18},
        {"id": "note", "type": "sticky", "z": "a5", "x": 420, "y": 150, "w": 200, "h": 120, "text": "La formule AVANT la calculatrice !", "fill": "#fde68a"}]}'),
    (pg_temp.id('dijkstra'), pg_temp.id('cercle'), pg_temp.id('apprenant1@turing'), 'Dijkstra with water', '{"elements": [
        {"id": "a", "type": "ellipse", "z": "a0", "x": 60, "y": 160, "w": 60, "h": 60, "label": "A · 0", "fill": "#bae6fd"},
        {"id": "b", "type": "ellipse", "z": "a1", "x": 260, "y": 60, "w": 60, "h": 60, "label": "B · 4", "fill": "#ffffff"},
        {"id": "c", "type": "ellipse", "z": "a2", "x": 260, "y": 260, "w": 60, "h": 60, "label": "C · 2", "fill": "#bae6fd"},
        {"id": "d", "type": "ellipse", "z": "a3", "x": 460, "y": 160, "w": 60, "h": 60, "label": "D · 5", "fill": "#ffffff"},
        {"id": "ab", "type": "arrow", "z": "a4", "from": "a", "to": "b", "label": "4"},
        {"id": "ac", "type": "arrow", "z": "a5", "from": "a", "to": "c", "label": "2"},
        {"id": "cd", "type": "arrow", "z": "a6", "from": "c", "to": "d", "label": "3"},
        {"id": "bd", "type": "arrow", "z": "a7", "from": "b", "to": "d", "label": "5"},
        {"id": "wet", "type": "sticky", "z": "a8", "x": 520, "y": 40, "w": 180, "h": 100, "text": "Blue = already wet. Never changes again.", "fill": "#e0f2fe"}]}');

insert into help_contents (id, establishment_id, title, content, category, role, tags, search_keywords, sort_order) values
    (pg_temp.id('aide1'), pg_temp.id('moliere'), 'Se connecter pour la première fois',
     'Votre adresse est celle que le lycée vous a donnée. Choisissez un mot de passe d''au moins huit caractères ; une phrase courte est plus facile à retenir qu''un mot compliqué.',
     'compte', null, '{connexion}', '{mot de passe,compte,identifiant}', 1),
    (pg_temp.id('aide2'), pg_temp.id('moliere'), 'Rejoindre un groupe d''étude',
     'Ouvrez « Mes groupes », choisissez un groupe public et appuyez sur « Rejoindre ». Pour un groupe privé, demandez une invitation à la personne qui l''a créé.',
     'groupes', 'apprenant', '{groupes}', '{groupe,rejoindre,invitation}', 2),
    (pg_temp.id('aide3'), pg_temp.id('moliere'), 'La connexion est coupée : mes messages sont-ils perdus ?',
     'Non. Un message affiché comme envoyé est enregistré. Ceux que vous écrivez pendant la coupure partent dès que le réseau revient, une seule fois et dans l''ordre.',
     'groupes', null, '{hors ligne}', '{coupure,réseau,perdu,envoyé}', 3),
    (pg_temp.id('aide4'), pg_temp.id('moliere'), 'Modérer un groupe',
     'Les modérateurs peuvent supprimer un message, rendre un membre muet pour un temps, ou verrouiller le groupe. Chaque suppression garde une trace.',
     'groupes', 'formateur', '{modération}', '{modérer,muet,supprimer,verrouiller}', 4),
    (pg_temp.id('help1'), pg_temp.id('turing'), 'Your first day',
     'Sign in with the address the school gave you, open “My groups”, and say hello. Nobody bites before the second coffee.',
     'account', null, '{start}', '{login,password,start}', 1),
    (pg_temp.id('help2'), pg_temp.id('turing'), 'What the dot beside a name means',
     'It is lit while that person has the group open somewhere. It goes out a few seconds after the last window is closed, so a short cut of the network does not show.',
     'groups', null, '{presence}', '{online,dot,presence}', 2),
    (pg_temp.id('help3'), pg_temp.id('turing'), 'Travailler en équipe sur un projet',
     'Créez un groupe privé par équipe, invitez votre formateur comme modérateur, et gardez les décisions dans le fil : le jury le relira avec plaisir.',
     'projets', 'apprenant', '{projet}', '{équipe,projet,jury}', 3);
