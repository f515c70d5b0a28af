/*
 * Building a group: all values go into one buffer, as text, each followed by its NUL; statements
 * remember which are theirs. Groups are kept for reuse with their buffer, so that a push costs no
 * allocation here.
 */
#include <stdio.h>

#include "pool.h"

struct db_group *group_take(enum flight_kind kind, enum db_lane lane)
{
    struct pool *p = db_pool;
    struct db_group *g = p ? p->free : NULL;

    if (g) {
        p->free = g->next;
        p->free_count--;
    } else {
        g = xmalloc(sizeof(*g));
        g->text = BUF_INIT;
    }
    g->next = NULL;
    g->kind = kind;
    g->lane = lane;
    g->expected = NULL;
    g->bad = g->errors_as_result = g->retried = g->in_array = false;
    g->rides = g->alone = false;
    g->who = 0;
    g->ref = 0;
    g->position = g->error_at = 0;
    g->statement_count = g->parameter_count = 0;
    g->error = NULL;
    return g;
}

void group_reset_results(struct db_group *g)
{
    for (unsigned i = 0; i < g->statement_count; i++) {
        PQclear(g->results[i]);
        g->results[i] = NULL;
    }
    PQclear(g->error);
    g->error = NULL;
    g->position = 0;
}

void group_free(struct db_group *g)
{
    struct pool *p = db_pool;

    group_reset_results(g);
    if (!p || p->stopping || p->free_count >= GROUPS_KEPT || g->text.cap > GROUP_BYTES_KEPT) {
        buf_finish(&g->text);
        free(g);
        return;
    }
    buf_clear(&g->text);
    g->next = p->free;
    p->free = g;
    p->free_count++;
}

static void put_value(struct db_group *g, const char *s, size_t n)
{
    assert(g->parameter_count < PARAMETERS_MAX && !g->in_array);
    if (!s) {
        g->parameters[g->parameter_count++] = SQL_NULL;
        return;
    }
    g->parameters[g->parameter_count++] = (uint32_t)g->text.len;
    uint8_t *at = buf_reserve(&g->text, n + 1);
    memcpy(at, s, n);
    at[n] = '\0';
    g->text.len += n + 1;
}

struct db_group *db_group(enum db_lane lane, const struct db_context *ctx)
{
    struct db_group *g = group_take(FLIGHT_GROUP, lane);
    const char *tenant = ctx && ctx->establishment_id ? ctx->establishment_id : "";
    const char *user = ctx && ctx->user_id ? ctx->user_id : "";
    const char *address = ctx && ctx->address ? ctx->address : "";

    put_value(g, tenant, strlen(tenant));
    put_value(g, user, strlen(user));
    put_value(g, address, strlen(address));
    return g;
}

void db_group_destroy(struct db_group *g)
{
    if (g)
        group_free(g);
}

void db_errors_as_result(struct db_group *g)
{
    g->errors_as_result = true;
}

void db_expect(struct db_group *g, const char *constraint)
{
    g->expected = constraint;
}

void db_stmt(struct db_group *g, const struct sql *sql)
{
    assert(g->statement_count < STATEMENTS_MAX && !g->in_array);
    g->results[g->statement_count] = NULL;
    g->statements[g->statement_count].sql = sql;
    g->statements[g->statement_count].first = g->parameter_count;
    g->statements[g->statement_count++].count = 0;
}

static void put_parameter(struct db_group *g, const char *s, size_t n)
{
    assert(g->statement_count > 0);
    put_value(g, s, n);
    g->statements[g->statement_count - 1].count++;
}

void db_strn(struct db_group *g, const char *s, size_t n)
{
    if (s && memchr(s, '\0', n))
        g->bad = true;
    put_parameter(g, s, n);
}

void db_str(struct db_group *g, const char *s)
{
    put_parameter(g, s, s ? strlen(s) : 0);
}

static size_t print_i64(char out[24], int64_t v)
{
    char digits[24];
    size_t n = 0, len = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do
        digits[n++] = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        out[len++] = '-';
    while (n > 0)
        out[len++] = digits[--n];
    return len;
}

void db_i64(struct db_group *g, int64_t v)
{
    char text[24];

    put_parameter(g, text, print_i64(text, v));
}

void db_bool(struct db_group *g, bool v)
{
    put_parameter(g, v ? "t" : "f", 1);
}

/* ---- arrays, in PostgreSQL's text form: {"a","b",NULL} ---- */

void db_array(struct db_group *g)
{
    put_parameter(g, "{", 1);
    g->text.len--; /* goes on behind the brace */
    g->in_array = true;
    g->elements = 0;
}

static void separate(struct db_group *g)
{
    assert(g->in_array);
    if (g->elements++ > 0)
        buf_putc(&g->text, ',');
}

void db_array_strn(struct db_group *g, const char *s, size_t n)
{
    separate(g);
    if (!s) {
        buf_put(&g->text, "NULL", 4);
        return;
    }
    uint8_t *start = buf_reserve(&g->text, 2 * n + 2), *at = start;
    *at++ = '"';
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"' || s[i] == '\\')
            *at++ = '\\';
        else if (s[i] == '\0')
            g->bad = true;
        *at++ = (uint8_t)s[i];
    }
    *at++ = '"';
    g->text.len += (size_t)(at - start);
}

void db_array_i64(struct db_group *g, int64_t v)
{
    char text[24];
    size_t n = print_i64(text, v);

    separate(g);
    buf_put(&g->text, text, n);
}

void db_array_end(struct db_group *g)
{
    assert(g->in_array);
    buf_put(&g->text, "}", 2); /* with its NUL */
    g->in_array = false;
}
