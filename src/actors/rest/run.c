/*
 * Runs an operation that is one statement (run.h): parameters by letter, the outcome by column. A
 * refusal comes from the same snapshot as the change it refuses, so there is nothing between the
 * check and the act.
 */
#include "run.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../services/identity.h"
#include "stacgate/channel.h"
#include "stacgate/json.h"

/* ---- parameters ---- */

void rest_put_json(struct db_group *g, struct mp v)
{
    struct buf text = BUF_INIT;

    if (v.p)
        mp_to_json(v, &text);
    db_strn(g, (const char *)text.data, text.len);
    buf_finish(&text);
}

const char *rest_host(const struct rest *r, char out[HOST_SIZE])
{
    const char *host = http_header(r->http, "host");
    size_t n = host ? strcspn(host, ":") : 0;

    n = n < HOST_SIZE ? n : 0;
    for (size_t i = 0; i < n; i++)
        out[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] | 32) : host[i];
    out[n] = '\0';
    return out;
}

void rest_put_host(struct db_group *g, const struct rest *r)
{
    char name[HOST_SIZE];

    db_str(g, rest_host(r, name));
}

static bool manages(const struct identity *who, const char *permissions)
{
    for (const char *p = permissions; who && *p; p += strspn(p, "|")) {
        size_t n = strcspn(p, "|");
        int bit = permission_bit(p, n);
        assert(bit >= 0); /* a name that permission.def does not have is a mistake of ours */
        if (who->permissions[bit / 64] >> (bit % 64) & 1)
            return true;
        p += n;
    }
    return false;
}

static void put_one(struct db_group *g, struct rest *r, const struct run *what, char letter,
                    const struct cursor *c)
{
    switch (letter) {
    case 't':
        db_str(g, rest_tenant_filter(r));
        break;
    case 'u':
        db_str(g, r->who ? r->who->user_id : "");
        break;
    case 'i':
        db_str(g, http_param(r->http, "id"));
        break;
    case 'b':
        rest_put_json(g, r->body);
        break;
    case 'q':
        rest_put_json(g, r->query);
        break;
    case 'm':
        db_bool(g, manages(r->who, what->manage));
        break;
    case 'o':
        db_bool(g, manages(r->who, what->other));
        break;
    case 's':
        db_bool(g, r->who && identity_is_staff(r->who));
        break;
    case 'a':
        db_bool(g, r->who && r->who->role >= ROLE_ADMIN);
        break;
    case 'v':
        rest_put_versions(g, r);
        break;
    case 'n':
        db_str(g, http_param(r->http, "name"));
        break;
    case 'h':
        rest_put_host(g, r);
        break;
    case 'p':
        rest_put_page(g, r, c);
        break;
    }
}

void rest_put(struct db_group *g, struct rest *r, const struct run *what, const struct cursor *c)
{
    if (what->lock) {
        db_stmt(g, what->lock);
        db_str(g, rest_tenant_filter(r));
        db_str(g, http_param(r->http, "id"));
    }
    db_stmt(g, what->sql);
    for (const char *p = what->params; *p; p++)
        put_one(g, r, what, *p, c);
}

void rest_replace(struct rest *r, const char *name, const struct buf *value)
{
    struct buf body = BUF_INIT;

    mp_put_map(&body, mp_count(r->body));
    for (struct mp_iter it = mp_iter(r->body); mp_next(&it);) {
        mp_put_raw(&body, it.key);
        if (str_is(mp_str(it.key), name))
            buf_put(&body, value->data, value->len);
        else
            mp_put_raw(&body, it.value);
    }
    buf_finish(&r->body_bytes);
    r->body_bytes = body;
    r->body = mp_view(body.data, body.len);
}

bool cursor_any(struct str key)
{
    return key.n > 0;
}

bool cursor_int(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] < '0' || key.p[i] > '9')
            return false;
    return key.n > 0 && key.n < 19;
}

/* ---- the outcome ---- */

/* "invalid FIELD CODE" as a field error; its words live in the result. */
static int refuse_field(struct rest *r, char *field)
{
    char *code = strchr(field, ' ');

    if (!code)
        return rest_refuse(r, P_invalid);
    *code++ = 0;
    enum field_code c = field_code_named(str_of(code));
    return c == FIELD_CODES
               ? rest_refuse(r, P_internal)
               : rest_refuse_fields(r, P_invalid, &(struct field_error){.field = field, .code = c},
                                    1);
}

static int refuse_word(struct rest *r, const char *refusal)
{
    char text[160];
    enum problem what = problem_named(str_of(refusal));

    if (strncmp(refusal, "invalid ", 8) == 0 && strlen(refusal) < sizeof(text)) {
        memcpy(text, refusal, strlen(refusal) + 1);
        return refuse_field(r, text + 8);
    }
    if (what == PROBLEMS)
        http_log_error(r->http, r->op->name, refusal);
    return rest_refuse(r, what == PROBLEMS ? P_internal : what);
}

int rest_refuse_error(struct rest *r, const struct msg *m)
{
    const struct db_error *e = db_error(m);
    const char *reused = r->run && r->run->reused ? r->run->reused : "conflict";

    if (strcmp(e->sqlstate, "23505") == 0)
        return refuse_word(r, reused);
    if (strcmp(e->sqlstate, "23503") == 0)
        return rest_refuse(r, P_not_found);
    /* Data exceptions quote what was sent. */
    http_log_error(r->http, r->op->name,
                   strncmp(e->sqlstate, "22", 2) == 0 ? e->sqlstate : e->message);
    return rest_refuse(r, P_internal);
}

int rest_outcome(struct rest *r, const struct msg *m, unsigned stmt)
{
    if (db_error(m))
        return rest_refuse_error(r, m);
    if (db_rows(m, stmt) == 0)
        return rest_refuse(r, P_not_found);
    if (!db_null(m, stmt, 0, 0))
        return refuse_word(r, db_text(m, stmt, 0, 0));
    int columns = db_columns(m, stmt);
    if (columns > 4)
        users_tell(db_strv(m, stmt, 0, 4));
    int status = db_null(m, stmt, 0, 1) ? r->op->success : (int)db_int(m, stmt, 0, 1);
    return rest_reply_value(r, m, status, stmt, 0, 2,
                            columns > 3 ? (uint64_t)db_int(m, stmt, 0, 3) : 0);
}

int rest_unchanged(struct rest *r, const struct msg *m)
{
    bool stale = db_rows(m, 0) && !rest_version_fits(r, db_int(m, 0, 0, 3));

    return stale ? rest_refuse(r, P_stale) : rest_outcome(r, m, 0);
}

static int page(struct rest *r, const struct msg *m, unsigned stmt)
{
    int columns = db_columns(m, stmt);

    if (columns > 3 && !db_true(m, stmt, 0, 3))
        return rest_refuse(r, P_not_found);
    if (columns > 4 && !db_null(m, stmt, 0, 4))
        return refuse_word(r, db_text(m, stmt, 0, 4));
    return rest_reply_page(r, m, stmt);
}

static int ran(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    unsigned stmt = r->run->lock ? 1 : 0;

    (void)self;
    return strchr(r->run->params, 'p') && !db_error(m) ? page(r, m, stmt)
                                                       : rest_outcome(r, m, stmt);
}

int rest_run(struct actor *self, struct rest *r, const struct run *what)
{
    struct cursor c = {0};

    r->run = what;
    if (what->key && !rest_cursor(r, what->key, &c))
        return rest_refuse_cursor(r);
    struct db_group *g = rest_group(r, what->lane == DB_WRITE ? DB_READ : what->lane);
    db_errors_as_result(g);
    rest_put(g, r, what, &c);
    if (!rest_reads(r))
        rest_keep_answer(g, r);
    return rest_ask(self, g, ran);
}
