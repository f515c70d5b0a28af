/*
 * A result body holds the PGresults themselves: what a reader gets points into them, and dropping
 * the last reference clears them. Nothing is copied between the socket and the answer.
 */
#include "pool.h"

struct db_result {
    uint64_t us;
    unsigned count;
    struct db_error error; /* sqlstate NULL: none */
    PGresult *failed;
    PGresult *results[];
};

static struct db_result *result_of(const struct body *b)
{
    assert(b && b->len >= sizeof(struct db_result));
    return (struct db_result *)(uintptr_t)b->bytes;
}

static void drop(struct body *b)
{
    struct db_result *r = result_of(b);

    for (unsigned i = 0; i < r->count; i++)
        PQclear(r->results[i]);
    PQclear(r->failed);
    free(b);
}

struct body *result_body(struct db_group *g)
{
    unsigned n = g->statement_count;
    struct body *b = body_alloc(sizeof(struct db_result) + n * sizeof(PGresult *));
    struct db_result *r = result_of(b);

    b->drop = drop;
    r->us = (uint64_t)(mono_us() - g->asked_us);
    r->count = n;
    r->failed = g->error;
    r->error = (struct db_error){0};
    if (g->error) {
        const char *constraint = PQresultErrorField(g->error, PG_DIAG_CONSTRAINT_NAME);
        const char *state = PQresultErrorField(g->error, PG_DIAG_SQLSTATE);
        const char *message = PQresultErrorField(g->error, PG_DIAG_MESSAGE_PRIMARY);
        r->error = (struct db_error){state ? state : "XX000", constraint ? constraint : "",
                                     message ? message : ""};
    }
    memcpy(r->results, g->results, n * sizeof(PGresult *));
    memset(g->results, 0, n * sizeof(PGresult *));
    g->error = NULL;
    return b;
}

static const PGresult *statement(const struct msg *m, unsigned stmt)
{
    const struct db_result *r = result_of(m->body);

    assert(stmt < r->count);
    return r->results[stmt];
}

const struct db_error *db_error(const struct msg *m)
{
    const struct db_result *r = result_of(m->body);

    return r->error.sqlstate ? &r->error : NULL;
}

int db_rows(const struct msg *m, unsigned stmt)
{
    return PQntuples(statement(m, stmt)); /* 0 for a NULL one, after an error */
}

int db_columns(const struct msg *m, unsigned stmt)
{
    return PQnfields(statement(m, stmt));
}

bool db_null(const struct msg *m, unsigned stmt, int row, int col)
{
    return PQgetisnull(statement(m, stmt), row, col);
}

const char *db_text(const struct msg *m, unsigned stmt, int row, int col)
{
    const char *s = PQgetvalue(statement(m, stmt), row, col);

    return s ? s : "";
}

struct str db_strv(const struct msg *m, unsigned stmt, int row, int col)
{
    const PGresult *r = statement(m, stmt);

    if (PQgetisnull(r, row, col))
        return (struct str){NULL, 0};
    return (struct str){PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col)};
}

int64_t db_int(const struct msg *m, unsigned stmt, int row, int col)
{
    return strtoll(db_text(m, stmt, row, col), NULL, 10);
}

bool db_true(const struct msg *m, unsigned stmt, int row, int col)
{
    return db_text(m, stmt, row, col)[0] == 't';
}

uint64_t db_us(const struct msg *m)
{
    return result_of(m->body)->us;
}
