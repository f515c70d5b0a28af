/*
 * The load fixture: N learners, signed in, spread over G groups of a school of their own. Each run
 * makes new ones, so that two fixtures can be in use at once; a few set-based statements make
 * 10,000 learners in about a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "demo.h"
#include "stacgate/buf.h"
#include "stacgate/identity.h"
#include "stacgate/ids.h"

/* The cookies are keys to the accounts: their file is nobody else's. */
static int write_file(const char *path, const struct buf *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t done = 0;

    while (fd >= 0 && done < text->len) {
        ssize_t n = write(fd, text->data + done, text->len - done);
        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd < 0 || done < text->len || close(fd) < 0)
        return complain(EXIT_FAILED,
                        say("%s : écriture impossible (%s)", "%s: cannot be written (%s)"), path,
                        strerror(errno));
    return EXIT_OK;
}

static bool make_school(PGconn *db, const struct demo_fixture *f, const char *sids,
                        char **ret_error)
{
    char learners[16], groups[16], run[13];
    char *hash = password_hash(DEMO_PASSWORD);
    const char *numbers[] = {learners, groups}, *people[] = {run, hash}, *sessions[] = {sids};

    random_token(run, sizeof(run));
    snprintf(learners, sizeof(learners), "%u", f->learners);
    snprintf(groups, sizeof(groups), "%u", f->groups);

    const struct step {
        const char *sql;
        int n;
        const char *const *values;
    } steps[] = {
        {"set local timezone = 'UTC'", 0, NULL},
        {"insert into establishments (name, slug, description, settings) values ('Banc d''essai', "
         "'banc-d-essai',"
         " 'Comptes et groupes des essais de charge.', '{\"selfRegistration\": false}') on "
         "conflict (slug) do nothing",
         0, NULL},
        {"create temp table fixture_group on commit drop as select g, gen_random_uuid()::text as "
         "id, count(i) as members"
         " from generate_series(0, $2::int - 1) g left join generate_series(0, $1::int - 1) i on i "
         "% $2::int = g group by g",
         2, numbers},
        {"create temp table fixture_learner on commit drop as select i, i % $2::int as g, "
         "gen_random_uuid()::text as id,"
         " (select id from establishments where slug = 'banc-d-essai') as school from "
         "generate_series(0, $1::int - 1) i",
         2, numbers},
        {"analyze fixture_group, fixture_learner", 0, NULL},
        {"insert into users (id, establishment_id, email, username, password, first_name, "
         "last_name, role, metadata)"
         " select id, school, lower('apprenant-' || $1::text || '-' || i) || '@banc.test', "
         "'apprenant-' || $1::text || '-' || i, $2::text,"
         " 'Apprenant', i::text, 'apprenant', '{\"demo\": true, \"fixture\": true}' from "
         "fixture_learner",
         2, people},
        {"insert into study_groups (id, establishment_id, created_by, name, max_members, "
         "current_members)"
         " select gr.id, l.school, l.id, 'Salle ' || gr.g, greatest(10, gr.members), gr.members"
         " from fixture_group gr join fixture_learner l on l.i = case when gr.members > 0 then "
         "gr.g else 0 end",
         0, NULL},
        {"insert into study_group_members (study_group_id, establishment_id, user_id, role)"
         " select gr.id, l.school, l.id, case when l.i = l.g then 'admin' else 'member' end"
         " from fixture_learner l join fixture_group gr using (g) order by l.i",
         0, NULL},
        {"insert into sessions (sid, sess, expire) select s.sid, jsonb_build_object('userId', "
         "l.id, 'establishmentId', l.school,"
         " 'createdAt', now(), 'absoluteExpire', now() + interval '30 days'), now() + interval '7 "
         "days'"
         " from unnest($1::text[]) with ordinality as s(sid, n) join fixture_learner l on l.i = "
         "s.n - 1",
         1, sessions},
    };
    bool good = true;
    for (unsigned i = 0; good && i < sizeof(steps) / sizeof(steps[0]); i++) {
        PGresult *r = owner_query(db, ret_error, steps[i].sql, steps[i].n, steps[i].values);
        good = r != NULL;
        PQclear(r);
    }
    free(hash);
    return good;
}

static bool list_rooms(PGconn *db, struct buf *rooms, char **ret_error)
{
    PGresult *r = owner_query(db, ret_error,
                              "select 'group:' || gr.id from fixture_learner l join fixture_group "
                              "gr using (g) order by l.i",
                              0, NULL);

    for (int i = 0; r && i < PQntuples(r); i++) {
        buf_puts(rooms, PQgetvalue(r, i, 0));
        buf_putc(rooms, '\n');
    }
    PQclear(r);
    return r != NULL;
}

int demo_fixture_load(PGconn *db, const struct demo_fixture *f)
{
    struct buf cookies = BUF_INIT, rooms = BUF_INIT, sids = BUF_INIT;
    char token[SESSION_TOKEN_SIZE], sid[65], *error = NULL;
    int status = EXIT_FAILED;

    for (unsigned i = 0; i < f->learners; i++) {
        identity_token_make(token, sid);
        buf_printf(&cookies, "Cookie: stacgate.sid=%s\n", token);
        buf_printf(&sids, "%c%s", i ? ',' : '{', sid);
    }
    buf_putc(&sids, '}');

    if (owner_exec(db, &error, "begin") && make_school(db, f, buf_cstr(&sids), &error) &&
        list_rooms(db, &rooms, &error) && owner_exec(db, &error, "commit")) {
        status = write_file(f->cookies, &cookies);
        if (status == EXIT_OK)
            status = write_file(f->rooms, &rooms);
    } else {
        complain(status, "%s", error);
    }
    if (status == EXIT_OK)
        printf(say("%u apprenants connectés dans %u groupes de « banc-d-essai ».\n",
                   "%u learners signed in to %u groups of 'banc-d-essai'.\n"),
               f->learners, f->groups);
    free(error);
    buf_finish(&cookies);
    buf_finish(&rooms);
    buf_finish(&sids);
    return status;
}
