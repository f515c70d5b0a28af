/*
 * Idempotency-Key on POST: the same key and body get the first answer again. The answer is kept in
 * the transaction of its effect; which keys are being worked on is known in memory only, so a crash
 * leaves none of them stuck. Where that memory was lost with a connection whose outcome nobody
 * knew, the second effect meets the first one's answer, is undone, and gives that. Channel
 * operations turn the key into an opId, so that their effect is one too, and keep their answer
 * before they give it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"
#include "stacgate/table.h"

#define KEY_MAX 128

static struct table running; /* "user key", of every loop */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

enum problem idempotency_enter(const char *name)
{
    size_t n = strlen(name);

    pthread_mutex_lock(&lock);
    enum problem refusal = table_get(&running, name, n)        ? P_running
                           : running.count >= KEYS_RUNNING_MAX ? P_unavailable
                                                               : PROBLEMS;
    if (refusal == PROBLEMS)
        table_put(&running, name, n, (void *)(uintptr_t)name);
    pthread_mutex_unlock(&lock);
    return refusal;
}

void idempotency_forget(const char *name)
{
    pthread_mutex_lock(&lock);
    table_remove(&running, name, strlen(name));
    pthread_mutex_unlock(&lock);
}

void idempotency_leave(struct rest *r)
{
    if (!r->key_name)
        return;
    idempotency_forget(r->key_name);
    free(r->key_name);
    r->key_name = NULL;
}

/* Not what begins or ends a sign-in, nor what shows a token: that is in no answer but the first. */
bool idempotency_taken(const struct rest_op *op)
{
    return op->method == HTTP_M_POST && op->who != WHO_ANYONE && op->first != op_auth_logout &&
           op->first != op_tokens_create && op->first != op_socket_token;
}

const char *idempotency_key(const struct rest *r)
{
    return idempotency_taken(r->op) ? http_header(r->http, "idempotency-key") : NULL;
}

static bool printable(const char *key)
{
    size_t n = strlen(key);

    for (size_t i = 0; i < n; i++)
        if (key[i] < 0x21 || key[i] > 0x7e)
            return false;
    return n >= 1 && n <= KEY_MAX;
}

static bool holds_password(struct mp body)
{
    for (struct mp_iter it = mp_iter(body); mp_next(&it);)
        if (memmem(mp_str(it.key).p, mp_str(it.key).n, "assword", 7))
            return true;
    return false;
}

/* What only the caller has, so that nobody finds a password by trying them on a kept hash. */
static void put_credential(struct buf *b, const struct rest *r)
{
    const char *authorization = http_header(r->http, "authorization");
    char token[SESSION_TOKEN_SIZE] = "";

    if (!authorization)
        http_cookie(r->http, identity_cookie_name(r->http), token, sizeof(token));
    buf_printf(b, " %s", authorization ? authorization : token);
    explicit_bzero(token, sizeof(token));
}

/* Of the operation, its address with what it asks, and its body: what "the same request" means. */
static void request_hash(const struct rest *r, char out[65])
{
    struct buf b = BUF_INIT;

    buf_printf(&b, "%s %s ", r->op->name, http_path(r->http));
    buf_put(&b, r->body_bytes.data, r->body_bytes.len);
    if (mp_count(r->query))
        buf_put(&b, r->query_bytes.data, r->query_bytes.len);
    if (holds_password(r->body))
        put_credential(&b, r);
    sha256_hex(b.data, b.len, out);
    explicit_bzero(b.data, b.len);
    buf_finish(&b);
}

static int found(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    char hash[65];

    rest_took(r, m);
    if (db_rows(m, 0) == 0)
        return r->op->first(self, r, &(struct msg){0});
    request_hash(r, hash);
    if (strcmp(db_text(m, 0, 0, 0), hash) != 0)
        return rest_refuse(r, P_key_reused);
    return rest_reply_value(r, m, (int)db_int(m, 0, 0, 1), 0, 0, 2, 0);
}

static int kept(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    rest_took(r, m);
    return rest_reply_json(r, r->kept_status,
                           (struct str){(const char *)r->kept->bytes, r->kept->len});
}

/* Its own effect was rolled back; one that went to a channel was done once, and is answered. */
static int found_again(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    if (db_rows(m, 0))
        return found(self, state, m);
    return r->kept ? kept(self, state, m) : rest_refuse(r, P_running);
}

static int find(struct actor *self, struct rest *r, actor_step *next)
{
    struct db_group *g = rest_group(r, DB_READ);

    db_stmt(g, SQL_AUTH_KEY_FIND);
    db_str(g, idempotency_key(r));
    return rest_ask(self, g, next);
}

int idempotency_again(struct actor *self, struct rest *r)
{
    r->again = true;
    return find(self, r, found_again);
}

static const char *const bad_key[] = {
    "Idempotency-Key doit compter 1 à 128 caractères ASCII visibles, sans espace.",
    "Idempotency-Key must have 1 to 128 visible ASCII characters, without blanks."};

int idempotency_begin(struct actor *self, struct rest *r, const char *key)
{
    char name[KEY_MAX + 80];

    if (!printable(key))
        return rest_refuse_said(r, P_malformed, bad_key);
    snprintf(name, sizeof(name), "%s %s", r->who->user_id, key);
    r->key_name = xstrdup(name);
    enum problem refusal = idempotency_enter(r->key_name);
    if (refusal != PROBLEMS) {
        free(r->key_name);
        r->key_name = NULL;
        return rest_refuse(r, refusal);
    }
    return find(self, r, found);
}

void rest_keep_answer(struct db_group *g, const struct rest *r)
{
    const char *key = idempotency_key(r);
    char hash[65];

    if (!key)
        return;
    request_hash(r, hash);
    db_expect(g, "idempotency_keys_pkey");
    db_stmt(g, SQL_AUTH_KEY_KEEP);
    db_str(g, key);
    db_str(g, hash);
    db_i64(g, r->op->success);
}

void rest_keep_text(struct db_group *g, const struct rest *r, int status, struct str json)
{
    if (!idempotency_key(r))
        return;
    db_stmt(g, SQL_AUTH_KEY_ANSWER);
    db_strv_put(g, json);
    db_i64(g, status);
    rest_keep_answer(g, r);
}

int rest_reply_kept(struct actor *self, struct rest *r, int status, struct str json)
{
    if (!idempotency_key(r))
        return rest_reply_json(r, status, json);
    r->kept = body_make(json.p, json.n);
    r->kept_status = status;
    struct db_group *g = rest_group(r, DB_READ);
    rest_keep_text(g, r, status, json);
    return rest_ask(self, g, kept);
}

int rest_reply_mp_kept(struct actor *self, struct rest *r, int status, struct mp v)
{
    struct buf text = BUF_INIT;

    mp_to_json(v, &text);
    int end = rest_reply_kept(self, r, status, (struct str){(const char *)text.data, text.len});
    buf_finish(&text);
    return end;
}

bool rest_key_op_id(const struct rest *r, char out[40])
{
    const char *key = idempotency_key(r);
    char hash[65];

    if (!key)
        return false;
    sha256_hex(key, strlen(key), hash);
    snprintf(out, 40, "key-%.32s", hash);
    return true;
}
