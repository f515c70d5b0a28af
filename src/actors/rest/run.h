/*
 * Operations that are one statement: what the statement takes is said by letters, what it answers
 * has one form. Most of REST is rows of this and SQL files; the front has checked the input before.
 *
 * The statement's first row: a refusal (null: none), the status (null: the row's own), the answer
 * (JSON text), the row's version (0 or null: none), whom to tell (null, or a JSON array of {userId,
 * event, payload}: said on `user:` once it is committed; or of what channel_say() and
 * channel_look() give: those channels look into the database). A refusal is a problem's word of
 * problems.def, or "invalid FIELD CODE" with a word of field_codes.def. Later columns may be
 * absent.
 */
#ifndef STACGATE_REST_RUN_H
#define STACGATE_REST_RUN_H

#include "op.h"

struct run {
    /*
     * $1 … $n, a letter each: t tenant filter · u the caller · i the path's :id · n its :name · b
     * the body · q the query, both as JSON · m whether the caller may `manage` · o whether they may
     * `other` · a whether they are an admin · s staff · v the versions that If-Match names, an
     * array, or null · h the host that was asked, without port, in lower case · p the four of
     * rest_put_page (last; the answer is then a page, or 404 when a fourth column says that what it
     * is of does not exist for the caller, or the refusal that a fifth one names)
     */
    const char *params;
    const struct sql *sql;
    const char *manage, *other;  /* permissions, for m and o; "a|b": one of them is enough */
    bool (*key)(struct str key); /* of a page's cursor */
    const struct sql
        *lock;          /* runs before, with t and i: the statement then sees what is there now */
    enum db_lane lane;  /* DB_READ for everything short */
    const char *reused; /* a unique key's violation is this problem's word; NULL: conflict */
};
/* The first step of an operation that is a run and nothing else. */
#define RUN_OP(name, ...)                                                                          \
    int op_##name(struct actor *self, void *state, const struct msg *m)                            \
    {                                                                                              \
        static const struct run what = {__VA_ARGS__};                                              \
                                                                                                   \
        (void)m;                                                                                   \
        return rest_run(self, state, &what);                                                       \
    }

int rest_run(struct actor *self, struct rest *r, const struct run *what); /* what is static */
/* The parts, for operations with more steps. */
void rest_put(struct db_group *g, struct rest *r, const struct run *what, const struct cursor *c);
/* tags.c: what If-Match names: an array of versions, empty where its tags fit none; null: nothing,
 * or whatever there is ("*"). Statements say `row_version <> all($n::bigint[])`. */
void rest_put_versions(struct db_group *g, const struct rest *r);
/* The same as a pair of a push's map, "versions": [n …]. How many pairs. */
uint32_t rest_push_versions(struct buf *b, const struct rest *r);
bool rest_version_fits(const struct rest *r, int64_t version);
/* A change that names nothing: what is there, as the statement gave it, or stale. */
int rest_unchanged(struct rest *r, const struct msg *m);
int rest_outcome(struct rest *r, const struct msg *m, unsigned stmt);
/* An error that came as a result: what input can cause in spite of its schema has its problem,
 * everything else is ours: 500, and the request's log line says what and in which operation. */
int rest_refuse_error(struct rest *r, const struct msg *m);
void rest_put_host(struct db_group *g, const struct rest *r); /* as the letter h */
void rest_put_json(struct db_group *g, struct mp v);          /* absent: null */

/* The body has this value (msgpack bytes) in place of the one that was sent; absent stays absent.
 */
void rest_replace(struct rest *r, const char *name, const struct buf *value);
/* What people write into pages, made harmless wherever it stands in the body: texts with tags go
 * through html_clean; one that begins like a program (javascript:) gets a blank before its colon.
 * false: nothing is left of what must not be blank, and the request was refused. */
bool rest_clean(struct rest *r);

bool cursor_any(struct str key); /* a cursor key that SQL compares as text */
bool cursor_int(struct str key);

#endif
