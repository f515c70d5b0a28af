/*
 * The one binary's front door: a table of subcommands. Each reads its own options, does its work
 * and returns the exit status: 0 done, 1 not possible now, 2 the command line, the configuration or
 * the place is wrong.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct command commands[] = {
    {"serve", cmd_serve, "démarre le serveur", "starts the server",
     "Sans DATABASE_URL ni PGHOST, le serveur crée et surveille sa propre base PostgreSQL dans le "
     "répertoire de\n"
     "données (--data). Il affiche « stacgate: ready on http://HÔTE:PORT » quand il peut servir. "
     "Ctrl-C ou SIGTERM :\n"
     "arrêt en douceur ; une seconde fois : arrêt immédiat.\n\n"
     "  stacgate serve                                    sur http://127.0.0.1:5000\n"
     "  stacgate serve --host 192.168.1.10 --insecure-lan une salle de classe, sans chiffrement\n"
     "  stacgate serve --host 0.0.0.0 --tls-cert c.pem --tls-key k.pem\n",
     "Without DATABASE_URL and PGHOST the server makes and looks after a PostgreSQL of its own in "
     "the data directory\n"
     "(--data). It prints 'stacgate: ready on http://HOST:PORT' when it can serve. Ctrl-C or "
     "SIGTERM: graceful stop;\n"
     "a second time: at once.\n\n"
     "  stacgate serve                                    on http://127.0.0.1:5000\n"
     "  stacgate serve --host 192.168.1.10 --insecure-lan a classroom, without encryption\n"
     "  stacgate serve --host 0.0.0.0 --tls-cert c.pem --tls-key k.pem\n",
     serve_options, 0},
    {"migrate", cmd_migrate, "met la base de données au schéma de cette version",
     "brings the database to this version's schema",
     "Crée ce qui manque, adopte une base StacGateLMS existante sans rien y perdre, et dit ce qui "
     "a été fait. Plusieurs\n"
     "migrations lancées ensemble s'attendent. `serve` la fait aussi à son démarrage.\n",
     "Makes what is missing, adopts an existing StacGateLMS database without losing anything, and "
     "says what was done.\n"
     "Several started together wait for each other. `serve` does it too when it starts.\n",
     NULL, 0},
    {"demo", cmd_demo, "charge les données de démonstration", "loads the demo data",
     "Deux établissements, leurs comptes, cours et groupes d'étude. Chargées une fois ; ensuite, "
     "la commande le dit et ne\n"
     "change rien. Mot de passe de tous les comptes : stacgate-demo.\n\n"
     "  stacgate demo --json      ce qui est chargé, pour des scripts\n"
     "  stacgate demo --learners 10000 --groups 100 --cookies cookies.txt --rooms rooms.txt\n"
     "                            jeu d'essai de charge : N apprenants connectés dans G groupes\n",
     "Two schools, their accounts, courses and study groups. Loaded once; afterwards the command "
     "says so and changes\n"
     "nothing. Every account's password: stacgate-demo.\n\n"
     "  stacgate demo --json      what is loaded, for scripts\n"
     "  stacgate demo --learners 10000 --groups 100 --cookies cookies.txt --rooms rooms.txt\n"
     "                            load fixture: N signed-in learners in G groups\n",
     demo_options, 0},
    {"user", cmd_user, "crée un compte (user create)", "makes an account (user create)",
     "  stacgate user create --email a@ecole.fr --role admin --establishment lycee-moliere\n\n"
     "Sans --password-stdin, un mot de passe est inventé et affiché cette seule fois. Rôles : "
     "super_admin, admin,\n"
     "manager, formateur, apprenant. Un super_admin n'a pas besoin d'établissement.\n",
     "  stacgate user create --email a@school.org --role admin --establishment lycee-moliere\n\n"
     "Without --password-stdin a password is invented and shown this one time. Roles: super_admin, "
     "admin, manager,\n"
     "formateur, apprenant. A super_admin needs no establishment.\n",
     user_options, 1},
    {"check", cmd_check, "vérifie configuration, base, disque et TLS",
     "checks configuration, database, disk and TLS",
     "Dit ce qui ne va pas et quoi changer. Ne modifie ni la configuration ni la base.\n",
     "Says what is wrong and what to change. Changes neither the configuration nor the database.\n",
     NULL, 0},
    {"outbox", cmd_outbox, "montre les courriels en attente d'envoi",
     "shows the mail that waits to be sent", "Les plus récents d'abord.\n", "The newest first.\n",
     outbox_options, 0},
    {"epochs", cmd_epochs, "donne de nouvelles époques aux canaux (epochs reset)",
     "gives the channels new epochs (epochs reset)",
     "À faire après la restauration d'une sauvegarde : les clients peuvent connaître des "
     "événements "
     "que la base n'a plus.\n"
     "Avec une nouvelle époque, chacun recharge tout au lieu de reprendre.\n",
     "To be done after a backup was restored: clients may know events that the database no longer "
     "has. With a new\n"
     "epoch everybody reloads instead of resuming.\n",
     NULL, 1},
    {"openapi", cmd_openapi, "affiche l'interface REST (OpenAPI 3.1)",
     "prints the REST interface (OpenAPI 3.1)",
     "  stacgate openapi > openapi.json\n\nLe même document que GET /api/openapi.json ; sans base "
     "de données.\n",
     "  stacgate openapi > openapi.json\n\nThe same document as GET /api/openapi.json; without a "
     "database.\n",
     NULL, 0},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_usage(FILE *to)
{
    fprintf(to, "%s\n\n",
            say("stacgate — un serveur de classe en temps réel en un seul programme\n\nUsage : "
                "stacgate COMMANDE [options]",
                "stacgate — a real-time classroom server in one program\n\nUsage: stacgate COMMAND "
                "[options]"));
    for (unsigned i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-8s  %s\n", commands[i].name, say(commands[i].french, commands[i].english));
    fprintf(to, "\n%s\n",
            say("  stacgate COMMANDE --help explique une commande et ses options ; --version donne "
                "la version.\n\n"
                "Pour essayer : stacgate serve --demo, puis http://127.0.0.1:5000 avec "
                "admin@moliere.test / stacgate-demo",
                "  stacgate COMMAND --help explains a command and its options; --version tells the "
                "version.\n\n"
                "To try it: stacgate serve --demo, then http://127.0.0.1:5000 with "
                "admin@moliere.test / stacgate-demo"));
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
        puts("stacgate " STACGATE_VERSION);
        return EXIT_OK;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_usage(stdout);
        return EXIT_OK;
    }
    for (unsigned i = 0; i < COMMANDS; i++)
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(&commands[i], argc - 1, argv + 1);

    if (*word)
        complain(EXIT_USAGE, say("« %s » : commande inconnue\n", "'%s': unknown command\n"), word);
    print_usage(stderr);
    return EXIT_USAGE;
}
