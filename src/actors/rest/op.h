/*
 * What a REST operation is made of: a row of operations.def, schemas of its input, and steps. One
 * short-lived actor works for each request; the front (front.c) has checked everything the row says
 * before the operation's first step runs. docs/rest.md shows how to add one.
 */
#ifndef STACGATE_REST_OP_H
#define STACGATE_REST_OP_H

#include "problem.h"
#include "schema.h"
#include "sql.h"
#include "stacgate/actor.h"
#include "stacgate/db.h"
#include "stacgate/http.h"
#include "stacgate/identity.h"

enum rest_who {
    WHO_ANYONE,  /* signed in or not */
    WHO_SESSION, /* signed in */
    WHO_MEMBER   /* signed in and inside an establishment; a super_admin may name one as
                    establishmentId */
};
enum rest_cache {
    CACHE_PRIVATE,  /* private, no-cache, with an ETag */
    CACHE_SECRET,   /* no-store */
    CACHE_VERSIONED /* a write: no-store, and If-Match compares the version of what it changes */
};
enum rest_rate {
    RATE_COMMON, /* the bucket of the user, or of the address without one */
    RATE_SIGNUP, /* beside it, the address's bucket for new accounts */
    RATE_FREE    /* none: liveness */
};

struct rest_op {
    const char *name; /* "groups_list" */
    enum http_method method;
    const char *path;
    const char *subject; /* the kind of thing that :id names, or "host": where those work who are in
                            no school; NULL: none */
    enum rest_who who;
    const char *permission; /* beside who; NULL: none */
    const struct field *query;
    const struct field *body; /* schema_none: no body is allowed */
    const char *response;     /* the answer's schema, "[X]" for a list of X */
    int success;
    enum rest_cache cache;
    enum rest_rate rate;
    actor_step *first;
    const char *french, *english; /* what it does */
    bool deprecated;              /* an address of old clients */
};
extern const struct rest_op rest_ops[];
extern const unsigned rest_op_count;
const char *rest_shows_html(const struct rest_op *op); /* answer_html() of its answer */

/* Every row's schemas and first step, for the files that define them. */
#define OP(name, method, path, subject, who, permission, query, body, ...)                         \
    extern const struct field schema_##query[], schema_##body[];                                   \
    actor_step op_##name;
#define OP_OLD OP
#include "operations.def"
#undef OP_OLD
#undef OP

/* One request: the state of its actor, and what every step gets as `state`. */
struct rest {
    struct http_req *http; /* NULL once answered */
    const struct rest_op *op;
    struct identity *who;  /* NULL: nobody is signed in */
    char sid[65];          /* of who's session; "" */
    bool token;            /* who came with an API token … */
    uint8_t scopes;        /* … that is good for these */
    char tenant[64];       /* the establishment it works in; "" for none */
    char place[64];        /* that of the subject, when who is in none; "" */
    struct mp query, body; /* validated maps; absent fields are absent */
    struct buf query_bytes, body_bytes;
    void *own;             /* rest_own() */
    const struct run *run; /* run.h: what is under way */
    char *key_name;        /* the idempotency key it holds; NULL: none */
    struct body *kept;     /* the answer that is being kept for it … */
    int kept_status;       /* … and its status */
    bool checked;          /* the operation's steps have begun */
    bool again;            /* a read that is being repeated after a lost connection */
    struct {
        const char *kind, *event; /* static */
        struct body *payload;
        actor_step *next;
        unsigned tries;
    } pushed; /* push.c: what went to a channel last */
};

/* The operation's own memory, zeroed, freed with the request. */
void *rest_own(struct rest *r, size_t size);
bool rest_reads(const struct rest *r); /* GET or HEAD */
struct str rest_arg(const struct rest *r,
                    const char *name); /* a string of the body, then of the query; {NULL,0} */
enum language rest_language(const struct rest *r);
#define HOST_SIZE 254
/* The host that was asked, without port, in lower case; "": none, or too long. Returns out. */
const char *rest_host(const struct rest *r, char out[HOST_SIZE]);

/* ---- the database: as the caller, in the tenant ---- */

#define REST_DB_MS 8000
/*
 * The application's own tenant filter, beside row-level security: a parameter of every statement.
 * With STACGATE_CHECKS_OFF it is null, and statements compare with `establishment_id = coalesce($n,
 * establishment_id)`: then only the database's policies stand.
 */
#ifdef STACGATE_CHECKS_OFF
#define rest_tenant_filter(r) ((void)(r), NULL)
#else
#define rest_tenant_filter(r) ((r)->tenant)
#endif
struct db_group *rest_group(const struct rest *r, enum db_lane lane);
int rest_ask(struct actor *self, struct db_group *g,
             actor_step *next); /* db_ask with the deadline of REST */
void rest_took(
    struct rest *r,
    const struct msg *m); /* adds the SQL time to the request log; replies do it themselves */
void db_strv_put(struct db_group *g, struct str s); /* a {NULL,0} is SQL null */

/*
 * A POST's last statement: keeps its answer for the request's Idempotency-Key, if it has one. The
 * statement before must hand its answer over by answer(json) in SQL.
 */
void rest_keep_answer(struct db_group *g, const struct rest *r);
/* The same for an answer that no statement hands over. */
void rest_keep_text(struct db_group *g, const struct rest *r, int status, struct str json);
/* A POST's answer whose effect is not a statement of the request's own: kept for its key, if it has
 * one, then given. Copies it. */
int rest_reply_kept(struct actor *self, struct rest *r, int status, struct str json);
int rest_reply_mp_kept(struct actor *self, struct rest *r, int status, struct mp v);
/* For operations of channels: the key as an opId. false: the request has none. */
bool rest_key_op_id(const struct rest *r, char out[40]);

/* ---- channels (push.c) ---- */

#define REST_PUSH_MS 10000
/* channel_push to the channel of the path's :id; kind and event are kept as pointers. */
int rest_push_to(struct actor *self, struct rest *r, const char *kind, const char *event,
                 struct mp payload, actor_step *next);
/* After -ESRCH: the channel went to rest before it read what was pushed. true: pushed again. */
bool rest_push_again(struct actor *self, struct rest *r);
/* A channel's refusal (the `response` of its answer) as a problem: not found, to who may not know
 * of the group that the push was about. */
int rest_push_refuse(struct actor *self, struct rest *r, struct mp response);
/* The same where it may be known. */
int rest_push_refused(struct rest *r, struct mp response);
/* The operation is a push to the channel of the path's :id; its answer ends the request. */
int rest_push(struct actor *self, struct rest *r, const char *kind, const char *event,
              struct mp payload);
/* The request's own opId, or one made of its Idempotency-Key, as a pair of a map. How many pairs.
 */
uint32_t rest_put_op_id(struct rest *r, struct buf *b);

/* ---- answering: each ends the request and returns ACTOR_DONE ---- */

int rest_refuse(struct rest *r, enum problem what);
int rest_refuse_after(struct rest *r, enum problem what, uint32_t retry_s);
/* With its detail: what is wrong and what to do, in each language. */
int rest_refuse_said(struct rest *r, enum problem what, const char *const detail[2]);
int rest_refuse_fields(struct rest *r, enum problem what, const struct field_error *errors,
                       unsigned n);
/* One value of the result, JSON text made by the database, is the body; nothing is copied, unless
 * it holds HTML that is not clean. `version`: of the row, 0 for lists. */
int rest_reply_value(struct rest *r, const struct msg *m, int status, unsigned stmt, int row,
                     int col, uint64_t version);
/* A file's bytes, which owner (a reference is taken) holds. */
int rest_reply_bytes(struct rest *r, int status, const char *type, struct str bytes,
                     struct body *owner);
int rest_reply_mp(struct rest *r, int status, struct mp v);
int rest_reply_see(struct rest *r, const char *where); /* 303: what a browser goes to next */
/* A file of the binary's own (static.h), with its own tag and compression; 404 when it is not in
 * it.
 */
int rest_reply_static(struct rest *r, const char *path);
/* A download, named by a finished Content-Disposition (RFC 6266); takes the bytes. What it holds
 * does nothing in a browser that opens it all the same. */
#define FILE_POLICY "default-src 'none'; sandbox"
int rest_reply_file(struct rest *r, const char *type, const char *disposition, struct body *bytes);
int rest_reply_json(struct rest *r, int status, struct str json); /* copies it */
/* The same of a row, with its version. */
int rest_reply_version(struct rest *r, int status, struct str json, int64_t version);
int rest_reply_text(struct rest *r, int status, struct str json); /* of static text */
/*
 * A list page: row 0 of `stmt` holds the JSON array, the next page's cursor (null: this was the
 * last) and, when asked for, the total count, in columns 0, 1, 2. Adds Link and X-Total-Count.
 */
int rest_reply_page(struct rest *r, const struct msg *m, unsigned stmt);
int rest_fail(struct rest *r,
              int err); /* the problem that fits a negative errno of the floors below */

/* ---- lists ---- */

#define LIST_LIMIT 50
#define LIST_LIMIT_MAX 200
#define LIST_LIMIT_OLD_CLIENT 2000 /* it filters in the browser and never pages */
/* Rows that every list's query schema ends with. */
#define ROLE_CHOICES "super_admin|admin|manager|formateur|apprenant"
#define LIST_FIELDS                                                                                \
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_LIMIT_MAX},                         \
        {.name = "cursor", .type = FIELD_STR, .max = 400},                                         \
    {                                                                                              \
        .name = "count", .type = FIELD_CHOICE, .choices = "exact"                                  \
    }
int64_t rest_limit(const struct rest *r);
void rest_link_next(struct rest *r, const char *parameter,
                    const char *value); /* the same address with this parameter */
/*
 * A keyset cursor is "<sort key>|<id>" in base64url, as the statement made it. Both "" on the first
 * page. false: it is damaged (400); `valid` knows what the key's cast in SQL takes.
 */
struct cursor {
    char key[200], id[65];
};
bool rest_cursor(const struct rest *r, bool (*valid)(struct str key), struct cursor *ret);
/* The last four parameters of every list statement: limit, cursor key, cursor id, whether the count
 * is wanted. */
void rest_put_page(struct db_group *g, const struct rest *r, const struct cursor *c);
int rest_refuse_cursor(struct rest *r); /* 400: the cursor is none of this list's */
/* A place in the list that was asked for, as a cursor; `at` is "key|id". */
void cursor_encode(const struct rest *r, const char *at, struct buf *out);

/* ---- parts of the front, pure, for tests ---- */

/* api.md's CSRF rule. own: "https://host[:port]" of the request; NULL headers are absent ones. */
bool csrf_allows(const char *fetch_site, const char *origin, const char *referer, const char *own,
                 const char *allowed_origins);
bool origin_listed(const char *origin,
                   const char *allowed_origins); /* exact match in a comma-separated list */
bool accepts_json(const char *accept);
/* tags.c. A tag, within its quotes. */
struct tag {
    struct str opaque;
    bool weak;
};
enum tag_word { TAG_END, TAG_ONE, TAG_MALFORMED };
enum tag_word tag_next(const char **at, struct tag *ret); /* of a list; `*` is none */
bool tags_well_formed(const char *header);                /* "*", or one tag and more */
int64_t tag_version(const struct tag *tag); /* -1: weak, or not of this server's form */
/* RFC 9110, 13.1.2: a weak comparison; "-gzip" before the closing quote does not count. A malformed
 * list names nothing. */
bool etag_matches(const char *if_none_match, const char *tag);
/* A write's If-Match and If-None-Match, as far as the table knows: 0, or the problem was answered.
 * What the operation changes has no tag: any is stale; "*" is whatever there is. */
int rest_check_match(struct rest *r);

bool idempotency_taken(const struct rest_op *op);  /* it takes a key */
const char *idempotency_key(const struct rest *r); /* NULL: none, or none is taken here */
int idempotency_begin(struct actor *self, struct rest *r,
                      const char *key); /* looks it up, then the first step */
/* After -EEXIST: the key has an answer by now, of a request whose outcome nobody knew; gives that.
 */
int idempotency_again(struct actor *self, struct rest *r);
void idempotency_leave(struct rest *r);
/* The keys that are being worked on, of every loop: PROBLEMS, and the name (kept until it is
 * forgotten) is among them; P_running: it was; P_unavailable: there are KEYS_RUNNING_MAX. */
#define KEYS_RUNNING_MAX 10000
enum problem idempotency_enter(const char *name);
void idempotency_forget(const char *name);

void system_began(void);                   /* at the process's start: what uptime counts from */
void rest_cors(struct http_req *req);      /* Vary, and the grants for a listed origin */
void rest_preflight(struct http_req *req); /* the answer to OPTIONS */
void rest_enter(struct http_req *req);     /* every route's way in */
void rest_own_origin(struct http_req *req, char out[300]);

#endif
