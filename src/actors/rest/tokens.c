/*
 * API tokens of one's own, and the short-lived tokens with which a page opens one socket. A token's
 * text is in one answer and nowhere else.
 */
#include "../services/token.h"

#include <stdio.h>
#include <string.h>

#include "op.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"

#define DAYS_MAX 366
#define DAYS 90

const struct field schema_token_new[] = {
    {.name = "name", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 80},
    {.name = "scopes", .type = FIELD_TEXTS, .max = 3, .choices = "read|write|realtime"},
    {.name = "expiresInDays", .type = FIELD_INT, .min = 1, .max = DAYS_MAX},
    {.name = NULL}};
const struct field schema_socket_token[] = {{.name = "origin", .type = FIELD_URL, .max = 300},
                                            {.name = NULL}};

static actor_step made, listed, revoked;

struct token_made { /* rest.own */
    char token[API_TOKEN_SIZE];
};

/* ---- making one ---- */

/* read alone when nothing is said. */
static void put_scopes(struct db_group *g, struct mp scopes)
{
    db_array(g);
    if (mp_count(scopes) == 0)
        db_array_strn(g, "read", 4);
    for (struct mp_iter it = mp_iter(scopes); mp_next(&it);)
        db_array_strn(g, mp_str(it.value).p, mp_str(it.value).n);
    db_array_end(g);
}

int op_tokens_create(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct token_made *t = rest_own(r, sizeof(*t));
    struct db_group *g = rest_group(r, DB_READ);
    char sid[65], prefix[API_TOKEN_PREFIX_SIZE];

    (void)m;
    token_make(t->token, sid, prefix);
    db_stmt(g, SQL_TOKENS_CREATE);
    db_strv_put(g, rest_arg(r, "name"));
    db_str(g, sid);
    db_str(g, prefix);
    put_scopes(g, mp_get(r->body, "scopes"));
    db_i64(g, mp_int(mp_get(r->body, "expiresInDays"), DAYS));
    return rest_ask(self, g, made);
}

/* What the database keeps, and the text that it does not. */
static int made(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct token_made *t = r->own;
    struct buf stored = BUF_INIT, all = BUF_INIT;
    struct str json = db_strv(m, 0, 0, 0);
    const char *why;
    size_t at;

    (void)self;
    rest_took(r, m);
    if (!json.p)
        return rest_refuse(r, P_too_many_tokens);
    if (json_to_mp(json.p, json.n, &stored, &why, &at) < 0)
        return rest_refuse(r, P_internal);
    struct mp map = mp_view(stored.data, stored.len);
    mp_put_map(&all, mp_count(map) + 1);
    mp_put_cstr(&all, "token");
    mp_put_cstr(&all, t->token);
    for (struct mp_iter it = mp_iter(map); mp_next(&it);) {
        mp_put_raw(&all, it.key);
        mp_put_raw(&all, it.value);
    }
    int done = rest_reply_mp(r, r->op->success, mp_view(all.data, all.len));
    explicit_bzero(all.data, all.len);
    explicit_bzero(t->token, sizeof(t->token));
    buf_finish(&stored);
    buf_finish(&all);
    return done;
}

/* ---- the others ---- */

static int listed(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_reply_value(state, m, 200, 0, 0, 0, 0);
}

int op_tokens_list(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_TOKENS_LIST);
    return rest_ask(self, g, listed);
}

/* Its sockets end with it. */
static int revoked(struct actor *self, void *state, const struct msg *m)
{
    static const char done[] = "{\"success\":true}";
    struct session_end e = {.code = 4001};
    struct rest *r = state;

    (void)self;
    rest_took(r, m);
    if (db_null(m, 0, 0, 0))
        return rest_refuse(r, P_not_found);
    strncpy(e.sid, db_text(m, 0, 0, 0), sizeof(e.sid) - 1);
    strncpy(e.user_id, r->who->user_id, sizeof(e.user_id) - 1);
    identity_ended(&e);
    return rest_reply_text(r, r->op->success, (struct str){done, sizeof(done) - 1});
}

int op_tokens_revoke(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_TOKENS_REVOKE);
    db_str(g, http_param(r->http, "id"));
    return rest_ask(self, g, revoked);
}

/* ---- POST /api/auth/socket-token ---- */

/* A page's own origin comes with its request; a server that asks for a page names it. */
static void origin_of(const struct rest *r, char out[301])
{
    const char *header = http_header(r->http, "origin");
    struct str named = rest_arg(r, "origin");

    if (named.p)
        snprintf(out, 301, "%.*s", (int)named.n, named.p);
    else
        snprintf(out, 301, "%s", header ? header : "");
}

int op_socket_token(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    char token[SOCKET_TOKEN_SIZE], origin[301];
    struct buf b = BUF_INIT;

    (void)self;
    (void)m;
    origin_of(r, origin);
    if (!socket_token_make(token, r->sid, r->who->user_id, origin))
        return rest_refuse_after(r, P_rate_limited, SOCKET_TOKEN_MS / 1000);
    mp_put_map(&b, 2);
    mp_put_cstr(&b, "token");
    mp_put_cstr(&b, token);
    mp_put_cstr(&b, "expiresIn");
    mp_put_int(&b, SOCKET_TOKEN_MS / 1000);
    int done = rest_reply_mp(r, r->op->success, mp_view(b.data, b.len));
    explicit_bzero(token, sizeof(token));
    buf_finish(&b);
    return done;
}
