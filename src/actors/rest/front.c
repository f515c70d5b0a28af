/*
 * Every request's way in, in this order: origin and format (no work yet), who is asking, how often,
 * whether they may, what they sent; then the operation's first step. Whatever ends the actor, the
 * request is answered exactly once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "named.h"
#include "op.h"
#include "rate.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"
#include "stacgate/maintenance.h"

static actor_step known;
static int begin(struct actor *self, struct rest *r);

/* ---- what the caller sent ---- */

#define QUERY_MAX 32

static bool given(const char *const *names, unsigned n, const char *name)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int refuse_named(struct actor *self, struct rest *r, const struct verdict *v);

/* 0: it fits · ACTOR_DONE: the problem was answered · NOTING: it will be, once that is noted. */
enum { NOTING = 2 };

static int refuse_input(struct actor *self, struct rest *r, const struct verdict *v,
                        enum problem what)
{
    if (v->identity)
        return refuse_named(self, r, v);
    return v->count ? rest_refuse_fields(r, what, v->errors, v->count) : 0;
}

static int take_query(struct actor *self, struct rest *r)
{
    struct schema_pairs pairs = {.schema = r->op->query};
    struct verdict v;
    struct buf raw = BUF_INIT;
    const char *name, *value, *names[QUERY_MAX], *odd = NULL;

    for (unsigned i = 0; http_query_each(r->http, &i, &name, &value);) {
        if (!odd && (pairs.count == QUERY_MAX || given(names, pairs.count, name)))
            odd = name;
        if (odd)
            continue;
        names[pairs.count] = name;
        schema_pairs_add(&pairs, str_of(name), str_of(value));
    }
    schema_pairs_end(&pairs, &raw);
    schema_check(r->op->query, mp_view(raw.data, raw.len), r->who, &r->query_bytes, &v);
    r->query = mp_view(r->query_bytes.data, r->query_bytes.len);
    buf_finish(&raw);
    int done = refuse_input(self, r, &v, P_parameter);
    if (done || !odd)
        return done;
    return rest_refuse_fields(r, P_parameter,
                              &(struct field_error){.field = odd, .code = E_repeated}, 1);
}

static bool media_is(const char *type, const char *wanted)
{
    size_t n = strcspn(type, "; \t");

    return n == strlen(wanted) && strncasecmp(type, wanted, n) == 0;
}

static bool charset_fits(const char *type)
{
    const char *c = strcasestr(type, "charset=");

    if (!c)
        return true;
    c += 8 + (c[8] == '"');
    size_t n = strcspn(c, "\"; \t");
    return (n == 5 && strncasecmp(c, "utf-8", 5) == 0) ||
           (n == 4 && strncasecmp(c, "utf8", 4) == 0);
}

static bool wants(const struct field *schema)
{
    for (; schema->name; schema++)
        if (schema->flags & FIELD_REQUIRED)
            return true;
    return false;
}

static const char *const bad_json[] = {
    "Le corps n'est pas du JSON valable en UTF-8 : vérifiez guillemets, virgules et accolades, "
    "qu'aucune clé ne vient deux fois et que rien ne suit.",
    "The body is not valid JSON in UTF-8: check quotes, commas and braces, that no key comes twice "
    "and that nothing follows."};
static const char *const no_object[] = {"Le corps doit être un objet JSON : { … }.",
                                        "The body must be a JSON object: { … }."};
static const char *const bad_form[] = {
    "Le formulaire n'est pas lisible : vérifiez ses %XX, en UTF-8, et qu'aucun champ ne vient deux "
    "fois.",
    "The form cannot be read: check its %XX, in UTF-8, and that no field comes twice."};

/* The body's bytes as a msgpack value; 0, or the problem was answered. */
static int parse_body(struct rest *r, struct buf *out)
{
    const char *type = http_header(r->http, "content-type"), *why;
    struct str body = http_body(r->http);
    size_t at;

    /* Old clients send JSON's type and nothing; where something is required that is no JSON. */
    if (body.n == 0 && !(type && media_is(type, "application/json") && wants(r->op->body))) {
        mp_put_map(out, 0);
        return 0;
    }
    if (type && charset_fits(type) && media_is(type, "application/json")) {
        if (json_to_mp(body.p, body.n, out, &why, &at) < 0)
            return rest_refuse_said(r, P_malformed, bad_json);
        return mp_type(mp_view(out->data, out->len)) == MP_MAP
                   ? 0
                   : rest_refuse_said(r, P_invalid, no_object);
    }
    if (type && charset_fits(type) && media_is(type, "application/x-www-form-urlencoded"))
        return form_to_mp(r->op->body, body, out) < 0 ? rest_refuse_said(r, P_malformed, bad_form)
                                                      : 0;
    return rest_refuse(r, P_media_type);
}

static int take_body(struct actor *self, struct rest *r)
{
    struct buf raw = BUF_INIT;
    struct verdict v;
    int done = parse_body(r, &raw);

    if (!done) {
        schema_check(r->op->body, mp_view(raw.data, raw.len), r->who, &r->body_bytes, &v);
        r->body = mp_view(r->body_bytes.data, r->body_bytes.len);
        done = refuse_input(self, r, &v, P_invalid);
    }
    if (raw.data)
        explicit_bzero(raw.data, raw.len); /* it may hold a password */
    buf_finish(&raw);
    return done;
}

/* ---- who names somebody else ---- */

static int noted(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    const struct verdict *v = r->own;

    (void)self;
    rest_took(r, m);
    return rest_refuse_fields(r, P_identity, v->errors, v->count);
}

/* Another person or school in place of one's own is refused whatever it was for, and stands in the
 * audit log of the school that the caller is of. */
static int refuse_named(struct actor *self, struct rest *r, const struct verdict *v)
{
    struct verdict *kept = rest_own(r, sizeof(*kept));

    verdict_copy(kept, v);
    snprintf(r->tenant, sizeof(r->tenant), "%s", r->who->establishment_id);
    struct db_group *g = rest_group(r, DB_READ);
    db_stmt(g, SQL_AUDIT_NAMED);
    db_str(g, r->op->name);
    db_array(g);
    for (unsigned i = 0; i < v->count; i++)
        if (v->errors[i].code == E_forbidden)
            db_array_strn(g, v->errors[i].field, strlen(v->errors[i].field));
    db_array_end(g);
    int asked = rest_ask(self, g, noted);
    return asked ? asked : NOTING;
}

/* ---- how often ---- */

static int take_rate(struct rest *r, const struct rate_policy *p, const char *key)
{
    struct rate_state st = rate_take(p, key, mono_us());
    char text[96];

    snprintf(text, sizeof(text), "\"%s\";q=%u;w=%u", p->name, p->quota, p->window_s);
    http_set(r->http, "RateLimit-Policy", text);
    snprintf(text, sizeof(text), "\"%s\";r=%u;t=%u", p->name, st.remaining,
             st.allowed ? st.reset_s : st.retry_s);
    http_set(r->http, "RateLimit", text);
    return st.allowed ? 0 : rest_refuse_after(r, P_rate_limited, st.retry_s);
}

static int check_rate(struct rest *r)
{
    const struct rate_policy user = {"user", config.rate_user, 60, config.rate_user_burst};
    const struct rate_policy address = {"address", config.rate_address, 60, config.rate_address};
    const struct rate_policy signup = {"signup", config.rate_signup, 3600, config.rate_signup};

    if (!config.rate_limits || r->op->rate == RATE_FREE || http_loopback(r->http))
        return 0;
    if (r->op->rate == RATE_SIGNUP)
        return take_rate(r, &signup, http_peer(r->http));
    return r->who ? take_rate(r, &user, r->who->user_id)
                  : take_rate(r, &address, http_peer(r->http));
}

/* ---- whether they may ---- */

/* What a token may be used for; an account itself is managed by a session only. */
static bool scope_fits(const struct rest *r)
{
    static const char account[] = "/api/auth/";

    if (!r->token)
        return true;
    if (strncmp(r->op->path, account, sizeof(account) - 1) == 0 && r->op->first != op_auth_user &&
        r->op->first != op_socket_token)
        return false;
    if (r->op->first == op_socket_token)
        return r->scopes & SCOPE_REALTIME;
    return r->scopes & (rest_reads(r) ? SCOPE_READ : SCOPE_WRITE);
}

/* During maintenance one may still sign in and out, and ask how things are. */
static bool open_in_maintenance(const struct rest_op *op)
{
    static actor_step *const open[] = {op_auth_login, op_auth_logout,   op_auth_leave_old,
                                       op_auth_user,  op_system_health, op_maintenance_get};

    for (unsigned i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        if (op->first == open[i])
            return true;
    return false;
}

static int check_permission(struct rest *r)
{
    if (!r->who && r->op->rate != RATE_FREE && http_header(r->http, "authorization")) {
        http_set(r->http, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
        return rest_refuse(r, P_token);
    }
    if (maintenance_refuses(r->who) && !open_in_maintenance(r->op))
        return maintenance_on() ? rest_refuse_after(r, P_maintenance, MAINTENANCE_RETRY_S)
                                : rest_refuse_after(r, P_unavailable, 1);
    if (!scope_fits(r))
        return rest_refuse(r, P_scope);
    if (!r->who)
        return r->op->who == WHO_ANYONE
                   ? 0 /* an old client takes 401 for an empty list, and goes blank */
                   : rest_refuse(r, r->op->deprecated ? P_forbidden : P_unauthenticated);
    if (r->op->who == WHO_MEMBER && !r->who->establishment_id[0] &&
        r->who->role != ROLE_SUPER_ADMIN)
        return rest_refuse(r, P_forbidden);
    return r->op->permission && !identity_can(r->who, r->op->permission)
               ? rest_refuse(r, P_forbidden)
               : 0;
}

/* What cannot be an id names nothing, and no statement and no channel is asked about it. */
static int check_path(struct rest *r)
{
    for (const char *p = r->op->path; (p = strchr(p, ':'));) {
        const struct named *what = named_in_path(r->op, ++p);
        char name[32];

        snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, "/"), p);
        if (named_id(r->op, what) && !id_valid(str_of(http_param(r->http, name))))
            return rest_refuse(r, P_not_found);
    }
    return 0;
}

/* Where they say, for who is in no school: a super_admin in any, nobody sees what is public there.
 */
static void choose_tenant(struct rest *r)
{
    bool free = !r->who || r->who->role == ROLE_SUPER_ADMIN;
    struct str named = free ? rest_arg(r, "establishmentId") : (struct str){NULL, 0};
    const char *own = r->who ? r->who->establishment_id : "";

    if (named.n)
        snprintf(r->tenant, sizeof(r->tenant), "%.*s", (int)named.n, named.p);
    else
        snprintf(r->tenant, sizeof(r->tenant), "%s", *own ? own : r->place);
}

static int known(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    const struct session_ref *s = identity_of(m);

    if (s)
        memcpy(r->place, s->place, sizeof(r->place));
    if (s && s->who) {
        r->who = identity_ref(s->who);
        r->token = s->token;
        r->scopes = s->scopes;
        memcpy(r->sid, s->sid, sizeof(r->sid));
        http_log_user(r->http, r->who->user_id, r->who->establishment_id);
    }
    return begin(self, r);
}

/* What follows from a change (sockets that close, a job that begins, an answer that is kept) is
 * done even when who asked has hung up. A sign-in that nobody waits for is not worth its hash. */
static bool outlives_asker(const struct rest *r)
{
    return !rest_reads(r) && r->op->first != op_auth_login;
}

static int proceed(struct actor *self, struct rest *r)
{
    const char *key = r->who ? idempotency_key(r) : NULL;

    r->checked = true;
    if (outlives_asker(r))
        http_worker(r->http, 0);
    return key ? idempotency_begin(self, r, key) : r->op->first(self, r, &(struct msg){0});
}

static bool at_host(const struct rest *r)
{
    return strcmp(r->op->subject, "host") == 0;
}

/* What the request is about, for who is in no school and works where that is: what :id names (an
 * id, or a room's topic), or the host that was asked. false: nothing, or nobody may. */
static bool subject(const struct rest *r, char host[HOST_SIZE], struct thing *ret)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:.";

    bool shows = http_header(r->http, "authorization") || http_header(r->http, "cookie");
    if (!r->op->subject || (r->op->who != WHO_ANYONE && !shows))
        return false;
    ret->kind = r->op->subject;
    ret->id = at_host(r) ? rest_host(r, host) : http_param(r->http, "id");
    return strlen(ret->id) < HOST_SIZE && strspn(ret->id, good) == strlen(ret->id);
}

/* One's own account is in no school when one is in none. What names a permission is for others. */
static bool about_oneself(const struct rest *r)
{
    return r->who && !r->op->permission && strcmp(r->op->subject, "user") == 0 &&
           strcmp(http_param(r->http, "id"), r->who->user_id) == 0;
}

static int begin(struct actor *self, struct rest *r)
{
    int done = check_rate(r);

    done = done ? done : check_permission(r);
    done = done ? done : check_path(r);
    done = done ? done : rest_check_match(r);
    done = done ? done : take_query(self, r);
    done = done ? done : take_body(self, r);
    if (done)
        return done == NOTING ? 0 : done;
    choose_tenant(r);
    bool nowhere = r->op->subject && !r->tenant[0] && !at_host(r) && !about_oneself(r);
    return nowhere ? rest_refuse(r, P_not_found) : proceed(self, r);
}

/* ---- the actor ---- */

/* taken: the actor has the request, and answers it even when its start fails. */
struct entry {
    struct http_req *req;
    bool *taken;
};

static int init(struct actor *self, void *state, const void *arg)
{
    const struct entry *e = arg;
    struct rest *r = state;
    struct thing about;
    char host[HOST_SIZE];

    r->http = e->req;
    *e->taken = true;
    r->op = http_route_of(r->http)->op;
    http_worker(r->http, actor_self(self));
    if (r->op->rate == RATE_FREE)
        return actor_after(self, 0, known) ? 0 : -ENOMEM;
    bool named = subject(r, host, &about);
    return identity_ask(self, r->http, named ? &about : NULL, REST_DB_MS, known);
}

/* Health has an answer to a database that does not. */
static bool asks_again(const struct rest *r, int err)
{
    return r->checked && rest_reads(r) && !r->again &&
           (err == -EUNKNOWN_DB || r->op->first == op_system_health);
}

/* A read whose connection died is asked once more from the start; a write's outcome is unknown and
 * said so. */
static int fail(struct actor *self, void *state, int err)
{
    struct rest *r = state;

    if (err == -ESRCH && rest_push_again(self, r))
        return 0;
    if (err == -EEXIST && r->key_name && !r->again)
        return idempotency_again(self, r);
    if (asks_again(r, err)) {
        r->again = true;
        free(r->own);
        r->own = NULL;
        return r->op->first(self, r, &(struct msg){0});
    }
    return rest_fail(r, err);
}

static void terminate(struct actor *self, void *state, int result)
{
    struct rest *r = state;

    (void)self;
    if (r->http)
        rest_fail(r, result < 0 ? result : -EPROTO);
    if (r->body_bytes.data)
        explicit_bzero(r->body_bytes.data, r->body_bytes.len);
    buf_finish(&r->query_bytes);
    buf_finish(&r->body_bytes);
    idempotency_leave(r);
    body_unref(r->kept);
    body_unref(r->pushed.payload);
    identity_unref(r->who);
    free(r->own);
}

static const struct actor_type request_type = {.name = "request",
                                               .state_size = sizeof(struct rest),
                                               .mailbox_max = 16,
                                               .init = init,
                                               .fail = fail,
                                               .terminate = terminate};

/* What can be refused before an actor or the database is bothered. */
static bool refused(struct http_req *req)
{
    bool bearer = http_header(req, "authorization") != NULL; /* no browser sends it by itself */
    enum http_method method = http_method(req);
    char own[300];

    rest_own_origin(req, own);
    const struct rest_op *op = http_route_of(req)->op;
    bool json = strcmp(op->response, "File") != 0 && strcmp(op->response, "Html") != 0;
    if (json && !accepts_json(http_header(req, "accept"))) {
        problem_answer(req, P_not_acceptable, NULL, 0, NULL, 0);
    } else if (!bearer && method != HTTP_M_GET && method != HTTP_M_HEAD &&
               !csrf_allows(http_header(req, "sec-fetch-site"), http_header(req, "origin"),
                            http_header(req, "referer"), own, config.allowed_origins)) {
        problem_answer(req, P_origin, NULL, 0, NULL, 0);
    } else {
        return false;
    }
    return true;
}

void rest_enter(struct http_req *req)
{
    bool taken = false;

    rest_cors(req);
    if (!refused(req) && !actor_spawn(&request_type, &(struct entry){req, &taken}) && !taken)
        problem_answer(req, P_unavailable, NULL, 0, NULL, 0);
}
