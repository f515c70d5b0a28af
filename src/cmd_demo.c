/*
 * stacgate demo: two schools to look around in. The texts and people stand in the scripts of
 * src/demo; passwords are hashed here, one salt an account. Loading is all or nothing, and happens
 * once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "demo.h"

static bool json;
static struct demo_fixture fixture = {.groups = 1};

const struct own_option demo_options[] = {
    {"json", OWN_FLAG, &json, "écrit en JSON ce qui est chargé", "prints what is loaded as JSON"},
    {"learners", OWN_COUNT, &fixture.learners, "jeu d'essai : nombre d'apprenants connectés",
     "fixture: number of signed-in learners"},
    {"groups", OWN_COUNT, &fixture.groups,
     "jeu d'essai : nombre de groupes (l'apprenant i va dans le groupe i mod N)",
     "fixture: number of groups (learner i is in group i mod N)"},
    {"cookies", OWN_TEXT, &fixture.cookies,
     "jeu d'essai : fichier des en-têtes Cookie, une ligne par apprenant",
     "fixture: file of Cookie headers, a line a learner"},
    {"rooms", OWN_TEXT, &fixture.rooms, "jeu d'essai : fichier des sujets, une ligne par apprenant",
     "fixture: file of topics, a line a learner"},
    {0}};

static bool answers_true(PGconn *db, const char *sql)
{
    char *error = NULL;
    PGresult *r = owner_query(db, &error, sql, 0, NULL);
    bool yes = r && PQntuples(r) == 1 && PQgetvalue(r, 0, 0)[0] == 't';

    PQclear(r);
    free(error);
    return yes;
}

bool demo_there(PGconn *db)
{
    return answers_true(db, "select exists (select from users where email = "
                            "'superadmin@stacgate.test' and metadata @> '{\"demo\": true}')");
}

/* The scripts leave the passwords empty. */
static bool set_passwords(PGconn *db, char **ret_error)
{
    PGresult *people = owner_query(
        db, ret_error,
        "select id from users where password = '' and metadata @> '{\"demo\": true}'", 0, NULL);
    bool good = people != NULL;

    for (int i = 0; good && i < PQntuples(people); i++) {
        char *hash = password_hash(DEMO_PASSWORD);
        const char *values[] = {PQgetvalue(people, i, 0), hash};
        PGresult *done =
            owner_query(db, ret_error, "update users set password = $2 where id = $1", 2, values);
        good = done != NULL;
        PQclear(done);
        free(hash);
    }
    PQclear(people);
    return good;
}

static bool run_scripts(PGconn *db, char **ret_error)
{
    for (unsigned i = 0; demo_scripts[i]; i++)
        if (!owner_exec(db, ret_error, demo_scripts[i]))
            return false;
    return set_passwords(db, ret_error);
}

enum demo_outcome demo_load(PGconn *db, bool if_empty, char **ret_error)
{
    enum demo_outcome outcome = DEMO_FAILED;

    if (!owner_exec(db, ret_error,
                    "begin; select pg_advisory_xact_lock(hashtext('stacgate demo'))"))
        return DEMO_FAILED;

    if (demo_there(db))
        outcome = DEMO_THERE;
    else if (if_empty && answers_true(db, "select exists (select from users)"))
        outcome = DEMO_NOT_EMPTY;
    else if (run_scripts(db, ret_error) && owner_exec(db, ret_error, "commit"))
        return DEMO_LOADED;

    char *ignored = NULL;
    owner_exec(db, &ignored, "rollback");
    free(ignored);
    return outcome;
}

void demo_print_accounts(void)
{
    printf("%s\n", say("  comptes de démonstration (mot de passe : " DEMO_PASSWORD ")\n"
                       "    Lycée Molière   admin@moliere.test, manager@moliere.test, "
                       "formateur@moliere.test, apprenant1@ … apprenant6@moliere.test\n"
                       "    Campus Turing   admin@turing.test, manager@turing.test, "
                       "formateur@turing.test, apprenant1@ … apprenant6@turing.test\n"
                       "    partout         superadmin@stacgate.test",
                       "  demo accounts (password: " DEMO_PASSWORD ")\n"
                       "    Lycée Molière   admin@moliere.test, manager@moliere.test, "
                       "formateur@moliere.test, apprenant1@ … apprenant6@moliere.test\n"
                       "    Campus Turing   admin@turing.test, manager@turing.test, "
                       "formateur@turing.test, apprenant1@ … apprenant6@turing.test\n"
                       "    everywhere      superadmin@stacgate.test"));
    fflush(stdout);
}

static const char describe[] =
    "with e as (select * from establishments where slug in ('lycee-moliere', 'campus-turing')),"
    "     g as (select * from study_groups where establishment_id in (select id from e)) "
    "select jsonb_pretty(jsonb_build_object("
    "'establishments', (select jsonb_agg(jsonb_build_object('id', id, 'slug', slug) order by slug) "
    "from e),"
    "'users', (select jsonb_agg(jsonb_build_object('id', id, 'email', email, 'role', role, "
    "'establishmentId', establishment_id) order by email)"
    "          from users where metadata @> '{\"demo\": true}' and not metadata ? 'fixture'),"
    "'courses', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'title', title, "
    "'establishmentId', establishment_id) order by title), '[]')"
    "            from courses where establishment_id in (select id from e)),"
    "'studyGroups', (select coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'name', g.name, "
    "'establishmentId', g.establishment_id, 'members',"
    "                (select coalesce(jsonb_agg(u.email order by u.email), '[]') from "
    "study_group_members m join users u on u.id = m.user_id"
    "                 where m.study_group_id = g.id and m.is_active)) order by g.name), '[]') from "
    "g),"
    "'whiteboards', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'title', title, "
    "'studyGroupId', study_group_id) order by title), '[]')"
    "                from whiteboards where study_group_id in (select id from g))))";

static int print_json(PGconn *db)
{
    char *error = NULL;
    PGresult *r = owner_query(db, &error, describe, 0, NULL);

    if (!r) {
        complain(EXIT_FAILED, "%s", error);
        free(error);
        return EXIT_FAILED;
    }
    puts(PQgetvalue(r, 0, 0));
    PQclear(r);
    return EXIT_OK;
}

static int load_demo(PGconn *db)
{
    char *error = NULL;
    enum demo_outcome outcome = demo_load(db, false, &error);

    if (outcome == DEMO_FAILED) {
        complain(EXIT_FAILED,
                 say("les données de démonstration ne sont pas chargées, rien n'a changé : %s",
                     "the demo data is not loaded, nothing has changed: %s"),
                 error);
        free(error);
        return EXIT_FAILED;
    }
    if (json)
        return print_json(db);
    puts(outcome == DEMO_LOADED
             ? say("Données de démonstration chargées.", "Demo data loaded.")
             : say("Les données de démonstration sont déjà là ; rien n'a changé.",
                   "The demo data is already there; nothing has changed."));
    demo_print_accounts();
    return EXIT_OK;
}

int cmd_demo(const struct command *c, int argc, char **argv)
{
    struct workplace w = WORKPLACE_INIT;
    int status = command_options(c, argc, argv, NULL);

    if (status != -1)
        return status;
    if (fixture.learners && (!fixture.cookies || !fixture.rooms || !fixture.groups))
        return complain(
            EXIT_USAGE, "%s",
            say("--learners demande aussi --groups N, --cookies FICHIER et --rooms FICHIER",
                "--learners also needs --groups N, --cookies FILE and --rooms FILE"));
    if (!fixture.learners && (fixture.cookies || fixture.rooms))
        return complain(EXIT_USAGE, "%s",
                        say("--cookies et --rooms demandent --learners N",
                            "--cookies and --rooms need --learners N"));

    PGconn *db = command_database(&w, &status);
    if (db) {
        status = fixture.learners ? demo_fixture_load(db, &fixture) : load_demo(db);
        PQfinish(db);
    }
    workplace_close(&w);
    return status;
}
