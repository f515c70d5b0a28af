/*
 * One's own sign-ins: which browsers hold one, and ending them. A sign-in's id is its session's, as
 * sockets are told it; the cookie is not to be had from it.
 */
#include <stdio.h>
#include <string.h>

#include "account.h"
#include "sessions.h"
#include "stacgate/config.h"

static int listed(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_reply_value(state, m, 200, 0, 0, 0, 0);
}

int op_sign_ins_list(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_SESSIONS_LIST);
    db_str(g, r->sid);
    db_i64(g, config.session_idle);
    return rest_ask(self, g, listed);
}

static void end_one(const struct rest *r, const char *sid)
{
    struct session_end e = {.code = 4001};

    snprintf(e.sid, sizeof(e.sid), "%s", sid);
    snprintf(e.user_id, sizeof(e.user_id), "%s", r->who->user_id);
    identity_ended(&e);
}

void sign_ins_ended(const struct rest *r, const struct msg *m)
{
    for (int row = 0; row < db_rows(m, 0); row++)
        end_one(r, db_text(m, 0, row, 0));
}

static int one_ended(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    rest_took(r, m);
    if (db_null(m, 0, 0, 0))
        return rest_refuse(r, P_not_found);
    sign_ins_ended(r, m);
    if (strcmp(db_text(m, 0, 0, 0), r->sid) == 0)
        identity_set_cookie(r->http, NULL);
    return rest_reply_text(r, r->op->success, STR("{\"success\":true}"));
}

int op_sign_ins_end(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_SESSIONS_END);
    db_str(g, http_param(r->http, "id"));
    return rest_ask(self, g, one_ended);
}

static int others_ended(struct actor *self, void *state, const struct msg *m)
{
    char text[40];
    int n = snprintf(text, sizeof(text), "{\"ended\":%d}", db_rows(m, 0));

    (void)self;
    rest_took(state, m);
    sign_ins_ended(state, m);
    return rest_reply_json(state, 200, (struct str){text, (size_t)n});
}

int op_sign_ins_end_others(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_SESSIONS_END_OTHERS);
    db_str(g, r->sid);
    return rest_ask(self, g, others_ended);
}
