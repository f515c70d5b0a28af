/*
 * stacgate user create: how a first administrator comes to be, since nothing ships with a default
 * account. The password is read from standard input or invented and shown once; it never stands in
 * a command line, where every user of the machine sees it.
 */
#include <ctype.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"
#include "stacgate/mp.h"

enum { PASSWORD_MIN = 8, PASSWORD_MAX = 1024, INVENTED = 20 };

static const char *email, *role = "apprenant", *establishment, *establishment_name, *first_name,
                          *last_name;
static bool from_stdin;

const struct own_option user_options[] = {
    {"email", OWN_TEXT, &email, "adresse du compte", "the account's address"},
    {"role", OWN_TEXT, &role, "super_admin, admin, manager, formateur ou apprenant",
     "super_admin, admin, manager, formateur or apprenant"},
    {"establishment", OWN_TEXT, &establishment, "établissement (slug)", "the school (slug)"},
    {"establishment-name", OWN_TEXT, &establishment_name,
     "crée l'établissement sous ce nom s'il n'existe pas encore",
     "makes the school, under this name, when it does not exist yet"},
    {"first-name", OWN_TEXT, &first_name, "prénom", "first name"},
    {"last-name", OWN_TEXT, &last_name, "nom", "last name"},
    {"password-stdin", OWN_FLAG, &from_stdin,
     "lit le mot de passe (une ligne) sur l'entrée standard",
     "reads the password (one line) from standard input"},
    {0}};

/* What may stand in an address: the slug names the school in paths. */
static bool slug_like(const char *s)
{
    size_t n = strlen(s);

    return n >= 2 && n <= 60 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n &&
           s[0] != '-' && s[n - 1] != '-';
}

/* One @ with something on both sides and no space or control character: the mail that follows
 * decides the rest. */
static bool email_plausible(const char *s)
{
    const char *at = strchr(s, '@');

    if (!at || at == s || !at[1] || strchr(at + 1, '@') || strlen(s) > 254 ||
        !utf8_valid(s, strlen(s)))
        return false;
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || *s == 127)
            return false;
    return true;
}

static bool role_known(const char *s)
{
    static const char *const roles[] = {"super_admin", "admin", "manager", "formateur",
                                        "apprenant"};

    for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(s, roles[i]) == 0)
            return true;
    return false;
}

static int check_words(const char *word)
{
    if (!word || strcmp(word, "create") != 0)
        return complain(
            EXIT_USAGE, "%s",
            say("dites quoi faire : stacgate user create --email … (aide : stacgate user --help)",
                "say what to do: stacgate user create --email … (help: stacgate user --help)"));
    if (!email || !email_plausible(email))
        return complain(EXIT_USAGE, "%s",
                        say("--email doit donner une adresse, comme prenom.nom@ecole.fr",
                            "--email must give an address, as first.last@school.org"));
    if (!role_known(role))
        return complain(
            EXIT_USAGE,
            say("--role %s : rôle inconnu ; rôles : super_admin, admin, manager, formateur, "
                "apprenant",
                "--role %s: unknown; roles: super_admin, admin, manager, formateur, apprenant"),
            role);
    if (!establishment && strcmp(role, "super_admin") != 0)
        return complain(EXIT_USAGE, "%s",
                        say("--establishment doit nommer l'établissement du compte (son slug)",
                            "--establishment must name the account's school (its slug)"));
    if (establishment_name && (!establishment || !slug_like(establishment)))
        return complain(
            EXIT_USAGE, "%s",
            say("--establishment-name demande --establishment SLUG : lettres minuscules, "
                "chiffres et tirets",
                "--establishment-name needs --establishment SLUG: lower-case letters, "
                "digits and hyphens"));
    return -1;
}

static int read_password(char out[PASSWORD_MAX])
{
    if (!from_stdin) {
        random_token(out, INVENTED + 1);
        return -1;
    }
    if (!fgets(out, PASSWORD_MAX, stdin))
        out[0] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    if (!utf8_valid(out, strlen(out)) || utf8_length(out, strlen(out)) < PASSWORD_MIN)
        return complain(EXIT_USAGE,
                        say("le mot de passe lu doit avoir au moins %d caractères",
                            "the password read must have at least %d characters"),
                        PASSWORD_MIN);
    return -1;
}

static bool insert_user(PGconn *db, const char *establishment_id, const char *hash,
                        char **ret_error)
{
    size_t local = strcspn(email, "@");
    char *username = strndup(email, local);
    const char *values[] = {establishment_id, email, username, hash, first_name, last_name, role};
    PGresult *r = owner_query(
        db, ret_error,
        "insert into users (establishment_id, email, username, password, first_name, last_name, "
        "role) "
        "values ($1, lower($2), lower($3), $4, $5, $6, $7::user_role) returning id, email",
        7, values);

    if (r)
        printf(say("Compte créé : %s (%s), identifiant %s\n", "Account made: %s (%s), id %s\n"),
               PQgetvalue(r, 0, 1), role, PQgetvalue(r, 0, 0));
    PQclear(r);
    free(username);
    return r != NULL;
}

/* The school's row; made when its name is given and it is not there. */
static PGresult *find_school(PGconn *db, char **ret_error)
{
    const char *values[] = {establishment, establishment_name};

    if (!establishment)
        return NULL;
    if (!establishment_name)
        return owner_query(db, ret_error, "select id from establishments where slug = $1", 1,
                           values);
    return owner_query(db, ret_error,
                       "insert into establishments (slug, name) values ($1, $2) "
                       "on conflict (slug) do update set slug = excluded.slug returning id",
                       2, values);
}

static int create(PGconn *db, const char *hash)
{
    char *error = NULL;
    const char *address[] = {email};
    PGresult *taken =
        owner_query(db, &error, "select 1 from users where lower(email) = lower($1)", 1, address);
    PGresult *school = taken && PQntuples(taken) == 0 ? find_school(db, &error) : NULL;
    int status = EXIT_FAILED;

    if (error || !taken)
        complain(status, "%s", error);
    else if (PQntuples(taken) > 0)
        complain(status, say("il y a déjà un compte %s", "there is already an account %s"), email);
    else if (school && PQntuples(school) == 0)
        complain(status,
                 say("aucun établissement « %s » (slug) : --establishment-name NOM le crée",
                     "no school '%s' (slug): --establishment-name NAME makes it"),
                 establishment);
    else if (insert_user(db, school ? PQgetvalue(school, 0, 0) : NULL, hash, &error))
        status = EXIT_OK;
    else
        complain(status, "%s", error);

    free(error);
    PQclear(school);
    PQclear(taken);
    return status;
}

int cmd_user(const struct command *c, int argc, char **argv)
{
    struct workplace w = WORKPLACE_INIT;
    char password[PASSWORD_MAX];
    const char *word = NULL;
    int status = command_options(c, argc, argv, &word);

    if (status == -1)
        status = check_words(word);
    if (status == -1)
        status = read_password(password);
    if (status != -1)
        return status;

    PGconn *db = command_database(&w, &status);
    if (db) {
        char *hash = password_hash(password);
        status = create(db, hash);
        if (status == EXIT_OK && !from_stdin)
            printf(say("Mot de passe (affiché cette seule fois) : %s\n",
                       "Password (shown this one time): %s\n"),
                   password);
        free(hash);
        PQfinish(db);
    }
    OPENSSL_cleanse(password, sizeof(password));
    workplace_close(&w);
    return status;
}
