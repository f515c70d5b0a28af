/*
 * Passwords, permissions and tokens: which hashes fit, which are outdated, which passwords are too
 * common, that the catalogue in C is the one that the migration seeds, when a failed sign-in is
 * answered, and which texts are tokens.
 */
#include <criterion/criterion.h>
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "actors/rest/sessions.h"
#include "actors/services/identity.h"
#include "actors/services/password.h"
#include "actors/services/token.h"

static bool fits(const char *password, const char *hash)
{
    return password_fits(password, strlen(password), hash);
}

Test(password, argon2id_there_and_back)
{
    char *hash = password_make("Été à la plage", strlen("Été à la plage")),
         *other = password_make("Été à la plage", strlen("Été à la plage"));

    cr_expect(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0, "%s", hash);
    cr_expect_str_neq(hash, other, "each has its own salt");
    cr_expect(fits("Été à la plage", hash));
    cr_expect_not(fits("Été à la plag", hash));
    cr_expect_not(fits("été à la plage", hash));
    cr_expect_not(fits("", hash));
    cr_expect_not(password_outdated(hash));
    free(hash);
    free(other);
}

Test(password, nothing_fits_nobody_or_a_broken_hash)
{
    static const char *const broken[] = {
        "",
        "x",
        "$argon2id$",
        "$argon2id$v=19$m=19456,t=2,p=1$$",
        "$2b$12$",
        "$2b$",
        "$1$abc$def",
        "plain",
        "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=64,t=4294967295,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"};

    cr_expect_not(fits("plain", NULL));
    for (unsigned i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        cr_expect_not(fits("plain", broken[i]), "%s", broken[i]);
    }
}

Test(password, bcrypt_of_an_adopted_database)
{
    static const char *const prefixes[] = {"$2a$", "$2b$"};
    char long_password[100];

    for (unsigned i = 0; i < 2; i++) {
        struct crypt_data data = {0};
        char salt[CRYPT_GENSALT_OUTPUT_SIZE];
        cr_assert(crypt_gensalt_rn(prefixes[i], 4, NULL, 0, salt, sizeof(salt)));
        char *hash = strdup(crypt_r("motdepasse ancien", salt, &data));
        cr_expect(fits("motdepasse ancien", hash), "%s", hash);
        cr_expect_not(fits("motdepasse ancie", hash));
        cr_expect(password_outdated(hash));
        free(hash);
    }
    /* bcrypt looks at 72 bytes: longer ones are refused, not cut. */
    struct crypt_data data = {0};
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];
    memset(long_password, 'a', 72);
    long_password[72] = 0;
    cr_assert(crypt_gensalt_rn("$2b$", 4, NULL, 0, salt, sizeof(salt)));
    char *hash = strdup(crypt_r(long_password, salt, &data));
    cr_expect(fits(long_password, hash));
    strcat(long_password, "b");
    cr_expect_not(fits(long_password, hash));
    free(hash);
}

Test(password, weaker_parameters_are_outdated)
{
    cr_expect(password_outdated("$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"));
    cr_expect(password_outdated("$argon2id$v=19$m=19456,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"));
    cr_expect_not(password_outdated("$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"));
}

static bool common(const char *p)
{
    return password_common(p, strlen(p));
}

Test(password, common_ones)
{
    static const char *const yes[] = {"password",   "Password1",  "azertyuiop",    "AZERTY123",
                                      "12345678",   "motdepasse", "Marseille2024", "soleil123!",
                                      "qwertyuiop", "aaaaaaaaaa", "jetaime1",      "iloveyou!!"};
    static const char *const no[] = {"correct cheval pile agrafe", "stacgate-demo", "x7!kQ2z_pL",
                                     "Les sanglots longs",         "ß∂ƒ∆˚¬åß",      ""};

    cr_expect_geq(common_password_count, 3000);
    for (unsigned i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        cr_expect(common(yes[i]), "%s", yes[i]);
    for (unsigned i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        cr_expect_not(common(no[i]), "%s", no[i]);
}

Test(password, the_list_is_sorted_so_that_every_entry_is_found)
{
    unsigned usable = 0;

    for (unsigned i = 0; i < common_password_count; i++) {
        cr_expect(i == 0 || strcmp(common_passwords[i - 1], common_passwords[i]) < 0, "%s",
                  common_passwords[i]);
        cr_expect(common(common_passwords[i]), "%s", common_passwords[i]);
        usable += strlen(common_passwords[i]) >= PASSWORD_MIN;
    }
    cr_expect_geq(usable, 3000, "shorter ones are refused anyway");
}

/* ---- permissions ---- */

Test(permission, lists_set_and_clear_bits)
{
    uint64_t bits[PERMISSION_WORDS] = {0};
    struct identity who = {.role = ROLE_APPRENANT};

    permission_list(bits, "courses:create,nonsense:do,,exports:create", true);
    memcpy(who.permissions, bits, sizeof(bits));
    cr_expect(identity_can(&who, "courses:create") && identity_can(&who, "exports:create"));
    cr_expect_not(identity_can(&who, "courses:approve"));
    permission_list(who.permissions, "courses:create", false);
    cr_expect_not(identity_can(&who, "courses:create"));
    cr_expect(identity_can(&who, "exports:create"));
    cr_expect_not(identity_can(NULL, "exports:create"));
}

struct migration {
    const char *name, *text;
};
extern const struct migration migrations[];

Test(permission, the_migration_seeds_the_catalogue)
{
    static const struct {
        const char *name;
        unsigned roles;
        const char *english;
    } rows[] = {
#define PERMISSION(name, roles, fr, en) {name, roles, en},
#include "stacgate/permission.def"
#undef PERMISSION
    };
    const char *text = NULL;
    unsigned seeded = 0;

    for (const struct migration *m = migrations; m->name; m++)
        if (strcmp(m->name, "0020_permissions") == 0)
            text = m->text;
    cr_assert_not_null(text);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[400], roles[100] = "";
        for (int role = 0; role < ROLES; role++)
            if (rows[i].roles >> role & 1)
                snprintf(roles + strlen(roles), sizeof(roles) - strlen(roles), "%s%s",
                         roles[0] ? "," : "", role_name((enum role)role));
        snprintf(line, sizeof(line), "('%s', '{%s}', '%s')", rows[i].name, roles, rows[i].english);
        cr_expect(strstr(text, line), "0020 lacks %s", line);
    }
    for (const char *p = text; (p = strstr(p, "\n    ('")); p++)
        seeded++;
    cr_expect_eq(seeded, sizeof(rows) / sizeof(rows[0]));
}

/* ---- when a failed sign-in is answered ---- */

Test(login, a_refusal_comes_at_the_next_half_second_whatever_was_wrong)
{
    /* Unknown address and wrong password take different times; their answers come together. */
    static const int64_t spent_us[] = {0, 1, 900, 52000, 123456, 499000, 499999};

    for (size_t i = 0; i < sizeof(spent_us) / sizeof(spent_us[0]); i++) {
        int64_t answered_us = spent_us[i] + 1000 * (int64_t)login_refusal_delay_ms(spent_us[i]);
        cr_expect(answered_us >= 500000 && answered_us < 501000, "%lld", (long long)answered_us);
    }
    cr_expect_eq(login_refusal_delay_ms(500000), 500);
    cr_expect_eq(login_refusal_delay_ms(730000), 270);
}

/* ---- tokens ---- */

Test(token, only_what_we_made_is_one)
{
    char token[API_TOKEN_SIZE], sid[65], again[65], prefix[API_TOKEN_PREFIX_SIZE], text[200];
    bool offered;

    token_make(token, sid, prefix);
    cr_expect_eq(strncmp(token, prefix, strlen(prefix)), 0);
    cr_expect(token_sid(token, strlen(token), again));
    cr_expect_str_eq(sid, again);
    cr_expect_not(token_sid(token, strlen(token) - 1, again));
    snprintf(text, sizeof(text), "bearer   %s", token);
    cr_expect(token_of_header(text, again));
    cr_expect_not(token_of_header(token, again));
    cr_expect_not(token_of_header("Bearer ", again));
    token[10] = '!';
    cr_expect_not(token_sid(token, strlen(token), again));

    const char *good = "phoenix, base64url.bearer.phx."
                       "c2d0X0FBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE";
    cr_expect(token_of_protocols(good, &offered, again) && offered);
    cr_expect_not(token_of_protocols("phoenix", &offered, again) || offered);
    static const char *const bad[] = {"base64url.bearer.phx.c2d0X0FB",
                                      "base64url.bearer.phx.====", "base64url.bearer.phx.A",
                                      "base64url.bearer.phx.\x01\x02"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect(!token_of_protocols(bad[i], &offered, again) && offered, "%s", bad[i]);
}

Test(token, scopes_add_up)
{
    cr_expect_eq(token_scopes("read"), SCOPE_READ);
    cr_expect_eq(token_scopes("write,realtime"), SCOPE_READ | SCOPE_WRITE | SCOPE_REALTIME);
    cr_expect_eq(token_scopes("reader,,writes"), 0);
}

Test(token, one_connection_of_one_origin)
{
    char token[SOCKET_TOKEN_SIZE], sid[65], got[65];

    memset(sid, 'a', 64);
    sid[64] = '\0';
    cr_assert(socket_token_make(token, sid, "user", "https://ecole.example"));
    cr_expect_not(socket_token_take("nonsense", "https://ecole.example", got));
    cr_expect(socket_token_take(token, "https://ECOLE.example", got));
    cr_expect_str_eq(got, sid);
    cr_expect_not(socket_token_take(token, "https://ecole.example", got), "it is used up");
    cr_assert(socket_token_make(token, sid, "user", ""));
    cr_expect_not(socket_token_take(token, "https://ecole.example", got));
    cr_expect_not(socket_token_take(token, "", got), "a wrong try uses it up too");
}
