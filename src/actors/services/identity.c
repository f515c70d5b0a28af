/*
 * Cookies to people. Look-ups gather: those that come in one turn, while one is under way, or (when
 * many come) within a few ms of the last share one statement. What the database says now is what
 * counts; only a connection that was cut may come back on what it was a moment ago (recent.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "sql.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"
#include "stacgate/log.h"
#include "stacgate/table.h"
#include "token.h"
#include "upkeep.h"

#define GATHER_MS 5    /* between two statements … */
#define GATHER_FROM 5  /* … once so many look-ups came within that time */
#define BATCH_MAX 1000 /* sids a statement */
#define WAITING_MAX                                                                                \
    50000 /* look-ups that may wait on one loop: connections_max of a loop and more */
#define ROLES_FRESH_MS 60000
#define LOOKUP_MS 8000

struct asker {
    actor_id who;
    actor_ref ref;
    char sid[65];     /* "": none was shown */
    const char *kind; /* of what it is about; NULL: nothing … */
    char *id;         /* … which is this; ours */
};

/* A session of a batch, and the schools of what was asked about with it. */
struct found {
    struct session_ref ref; /* who NULL: nobody's */
    const char *places;     /* comma-separated, in the order of the askers; NULL: none is needed */
};

struct lookups { /* one a loop */
    struct actor *self;
    struct asker *waiting, *flying;
    unsigned waiting_count, waiting_cap, flying_count;
    bool told;     /* mail to ourselves is on its way */
    bool repeated; /* the flying batch is being asked for the second time */
    actor_ref timer;
    int64_t window_at; /* when the last statement left … */
    unsigned window;   /* … and how many look-ups came since */
    uint64_t roles[ROLES][PERMISSION_WORDS];
    bool roles_known, roles_asked;
    int64_t roles_at;
    unsigned roles_version;
};
static struct lookups *services[LOOPS_MAX];
static _Atomic uint64_t roles_entries, roles_hits, roles_misses; /* of statements, of all loops */

/* ---- one look-up's answer ---- */

static void ref_drop(struct body *b)
{
    identity_unref(((struct session_ref *)(void *)b->bytes)->who);
    free(b);
}

const struct session_ref *identity_of(const struct msg *m)
{
    return m->body ? (const struct session_ref *)(const void *)m->body->bytes : NULL;
}

static struct body *ref_body(const struct session_ref *s)
{
    struct body *b = body_alloc(sizeof(*s));
    struct session_ref *copy = (struct session_ref *)(void *)b->bytes;

    *copy = *s;
    if (copy->who)
        identity_ref(copy->who);
    b->drop = ref_drop;
    return b;
}

/* The next of the places is this asker's, who asks about something. */
static void take_place(struct found *s, bool asks)
{
    size_t n = asks && s->places ? strcspn(s->places, ",") : 0;

    snprintf(s->ref.place, sizeof(s->ref.place), "%.*s", (int)n, n ? s->places : "");
    if (asks && s->places)
        s->places += n + (s->places[n] == ',');
}

static void answer(const struct asker *a, struct found *s)
{
    if (s)
        take_place(s, a->kind != NULL);
    if (actor_awaits(a->who, a->ref))
        actor_complete(a->who, a->ref, 0, s ? ref_body(&s->ref) : NULL);
}

/* ---- a statement's answer ---- */

static void take_roles(struct lookups *l, const struct msg *m)
{
    if (!l->roles_asked)
        return;
    memset(l->roles, 0, sizeof(l->roles));
    for (int row = 0; row < db_rows(m, 1); row++) {
        struct str name = db_strv(m, 1, row, 1);
        int role = role_of(db_text(m, 1, row, 0)), bit = permission_bit(name.p, name.n);
        if (role >= 0 && bit >= 0)
            permission_set(l->roles[role], bit, true);
    }
    l->roles_known = true;
    l->roles_at = loop_now();
    atomic_store(&roles_entries, ROLES);
}

/* A session may do everything that its person may. */
static uint8_t scopes_of(const struct msg *m, int row)
{
    return db_null(m, 0, row, 12) ? SCOPE_READ | SCOPE_WRITE | SCOPE_REALTIME
                                  : token_scopes(db_text(m, 0, row, 12));
}

/* false: a person who may not work here. */
static bool read_row(struct lookups *l, const struct msg *m, int row, struct found *ret)
{
    int role = role_of(db_text(m, 0, row, 3));
    struct person p = {.user_id = db_text(m, 0, row, 1),
                       .establishment_id = db_text(m, 0, row, 2),
                       .email = db_text(m, 0, row, 4),
                       .first_name = db_text(m, 0, row, 5),
                       .last_name = db_text(m, 0, row, 6),
                       .profile_image_url = db_text(m, 0, row, 7)};

    *ret = (struct found){0};
    snprintf(ret->ref.sid, sizeof(ret->ref.sid), "%s", db_text(m, 0, row, 0));
    ret->places = db_strv(m, 0, row, 13).p;
    if (db_null(m, 0, row, 1))
        return true;
    if (role < 0 || !db_true(m, 0, row, 8))
        return false;
    p.role = (enum role)role;
    memcpy(p.permissions, l->roles[role], sizeof(p.permissions));
    permission_list(p.permissions, db_text(m, 0, row, 10), true);
    permission_list(p.permissions, db_text(m, 0, row, 11), false);
    ret->ref.who = person_intern(&p);
    ret->ref.expires_ms = db_int(m, 0, row, 9);
    ret->ref.token = !db_null(m, 0, row, 12);
    ret->ref.scopes = scopes_of(m, row);
    return true;
}

/* Being used renews a session, at most once a minute; of a token it is noted. */
static void renew(const struct session_ref *s)
{
    if (s->token || s->expires_ms < wall_ms() + (int64_t)config.session_idle - 60000)
        identity_touch(s->sid);
}

static void flown(struct lookups *l)
{
    for (unsigned i = 0; i < l->flying_count; i++)
        free(l->flying[i].id);
    free(l->flying);
    l->flying = NULL;
    l->flying_count = 0;
    l->repeated = false;
}

static int schedule(struct actor *self, struct lookups *l);

static int found(struct actor *self, void *state, const struct msg *m)
{
    struct lookups *l = state;
    int rows = db_rows(m, 0), good = 0;
    struct found *refs = xcalloc((size_t)rows + 1, sizeof(*refs));
    struct table by_sid = TABLE_INIT;

    take_roles(l, m);
    for (int row = 0; row < rows; row++)
        if (read_row(l, m, row, &refs[good])) {
            if (refs[good].ref.who)
                renew(&refs[good].ref);
            table_put(&by_sid, refs[good].ref.sid, 64, &refs[good]);
            good++;
        }
    for (unsigned i = 0; i < l->flying_count; i++)
        answer(&l->flying[i], table_get(&by_sid, l->flying[i].sid, 64));
    for (int i = 0; i < good; i++)
        if (refs[i].ref.who)
            identity_unref(refs[i].ref.who);
    table_finish(&by_sid);
    free(refs);
    flown(l);
    return schedule(self, l);
}

/* ---- gathering ---- */

static _Atomic unsigned roles_version; /* moves when the roles' permissions must be read anew */

unsigned identity_forget_roles(void)
{
    atomic_fetch_add(&roles_version, 1);
    return (unsigned)atomic_exchange(&roles_entries, 0);
}

void identity_roles_stats(struct cache_stats *ret)
{
    *ret = (struct cache_stats){atomic_load(&roles_entries), atomic_load(&roles_hits),
                                atomic_load(&roles_misses)};
}

enum column { SIDS, ABOUT_SIDS, ABOUT_KINDS, ABOUT_IDS, ASKED_COLUMNS };

/* One array of what the flying batch asks: hashes, then what those ask about who do. */
static void put_asked(struct db_group *g, const struct lookups *l, enum column what)
{
    db_array(g);
    for (unsigned i = 0; i < l->flying_count; i++) {
        const struct asker *a = &l->flying[i];
        const char *const columns[] = {a->sid, a->sid, a->kind, a->id};
        if (what == SIDS ? *a->sid != 0 : a->kind != NULL)
            db_array_strn(g, columns[what], strlen(columns[what]));
    }
    db_array_end(g);
}

static int submit(struct actor *self, struct lookups *l)
{
    struct db_group *g = db_group(DB_READ, &(struct db_context){0});

    db_stmt(g, SQL_SESSIONS_LOOKUP);
    for (enum column c = 0; c < ASKED_COLUMNS; c++)
        put_asked(g, l, c);
    unsigned version = atomic_load(&roles_version);
    l->roles_asked =
        !l->roles_known || l->roles_version != version || loop_now() - l->roles_at > ROLES_FRESH_MS;
    l->roles_version = version;
    atomic_fetch_add(l->roles_asked ? &roles_misses : &roles_hits, 1);
    if (l->roles_asked)
        db_stmt(g, SQL_SESSIONS_ROLE_PERMISSIONS);
    l->window_at = loop_now();
    l->window = 0;
    return db_ask(self, g, LOOKUP_MS, found);
}

static void take_batch(struct lookups *l)
{
    unsigned n = l->waiting_count < BATCH_MAX ? l->waiting_count : BATCH_MAX;

    l->flying = xmalloc(n * sizeof(*l->flying));
    memcpy(l->flying, l->waiting, n * sizeof(*l->flying));
    memmove(l->waiting, l->waiting + n, (l->waiting_count - n) * sizeof(*l->waiting));
    l->flying_count = n;
    l->waiting_count -= n;
    if (l->waiting_count == 0 && l->waiting_cap > 1024) { /* a storm's memory is given back */
        free(l->waiting);
        l->waiting = NULL;
        l->waiting_cap = 0;
    }
}

static void refuse_all(struct lookups *l, int err)
{
    for (unsigned i = 0; i < l->flying_count; i++)
        actor_complete(l->flying[i].who, l->flying[i].ref, err, NULL);
    flown(l);
}

static int timer_due(struct actor *self, void *state, const struct msg *m)
{
    struct lookups *l = state;

    (void)m;
    l->timer = 0;
    return schedule(self, l);
}

static int schedule(struct actor *self, struct lookups *l)
{
    int64_t since = loop_now() - l->window_at;

    if (l->flying_count || l->waiting_count == 0 || l->timer)
        return 0;
    if (since < GATHER_MS && l->window >= GATHER_FROM) {
        l->timer = actor_after(self, (uint32_t)(GATHER_MS - since), timer_due);
        return 0;
    }
    take_batch(l);
    int err = submit(self, l);
    if (err < 0)
        refuse_all(l, err);
    return 0;
}

static int receive(struct actor *self, void *state, const struct msg *m)
{
    struct lookups *l = state;

    if (m->kind != MSG_IDENTITY_GATHER)
        return 0;
    l->told = false;
    return schedule(self, l);
}

/* A look-up only reads: after a lost connection it is simply asked again, once. */
static int fail(struct actor *self, void *state, int err)
{
    struct lookups *l = state;

    if (err == -EUNKNOWN_DB && !l->repeated) {
        l->repeated = true;
        if (submit(self, l) == 0)
            return 0;
    }
    refuse_all(l, err);
    return schedule(self, l);
}

static void enqueue(struct lookups *l, const struct asker *asker, const char *id)
{
    if (l->waiting_count == WAITING_MAX) {
        actor_complete(asker->who, asker->ref, -ENOBUFS, NULL);
        return;
    }
    if (l->waiting_count == l->waiting_cap) {
        l->waiting_cap = l->waiting_cap ? l->waiting_cap * 2 : 64;
        l->waiting = xrealloc(l->waiting, l->waiting_cap * sizeof(*l->waiting));
    }
    l->waiting[l->waiting_count] = *asker;
    l->waiting[l->waiting_count++].id = id ? xstrdup(id) : NULL;
    l->window++;
    /* By mail to ourselves: what else this turn brings comes along. */
    if (!l->told) {
        l->told = true;
        actor_send(actor_self(l->self), MSG_IDENTITY_GATHER, NULL);
    }
}

/* Nobody (sid NULL) who asks about nothing is known without asking anybody. */
static int ask(struct actor *self, const char *sid, const struct thing *about, uint32_t ms,
               actor_step *next)
{
    struct lookups *l = services[loop_index()];
    struct asker a = {.who = actor_self(self),
                      .ref = l ? actor_expect(self, ms, next) : 0,
                      .kind = about ? about->kind : NULL};

    if (!a.ref)
        return -ENOBUFS;
    if (sid)
        memcpy(a.sid, sid, sizeof(a.sid));
    if (sid || a.kind)
        enqueue(l, &a, about ? about->id : NULL);
    else
        actor_complete(a.who, a.ref, 0, NULL);
    return 0;
}

int identity_ask_sid(struct actor *self, const char sid[65], uint32_t ms, actor_step *next)
{
    return ask(self, sid, NULL, ms, next);
}

int identity_ask_again(struct actor *self, const char sid[65], uint32_t ms, actor_step *next)
{
    struct session_ref ref;

    if (!identity_recall(sid, &ref))
        return ask(self, sid, NULL, ms, next);
    actor_ref waits = actor_expect(self, ms, next);
    if (waits)
        actor_complete(actor_self(self), waits, 0, ref_body(&ref));
    identity_unref(ref.who);
    return waits ? 0 : -ENOBUFS;
}

bool identity_sid(struct http_req *r, char sid[65])
{
    const char *authorization = http_header(r, "authorization");
    char token[SESSION_TOKEN_SIZE + 1];

    if (authorization)
        return token_of_header(authorization, sid);
    if (!http_cookie(r, identity_cookie_name(r), token, sizeof(token)) ||
        strlen(token) != SESSION_TOKEN_SIZE - 1)
        return false;
    sha256_hex(token, strlen(token), sid);
    return true;
}

int identity_ask(struct actor *self, struct http_req *r, const struct thing *about, uint32_t ms,
                 actor_step *next)
{
    char sid[65];

    return ask(self, identity_sid(r, sid) ? sid : NULL, about, ms, next);
}

/* ---- cookies ---- */

const char *identity_cookie_name(const struct http_req *r)
{
    return http_secure(r) ? "__Host-stacgate" : "stacgate.sid";
}

void identity_token_make(char token[SESSION_TOKEN_SIZE], char sid[65])
{
    random_token(token, SESSION_TOKEN_SIZE);
    sha256_hex(token, strlen(token), sid);
}

void identity_set_cookie(struct http_req *r, const char *token)
{
    char text[256];

    snprintf(text, sizeof(text), "%s=%s; Path=/; HttpOnly; SameSite=Lax%s; Max-Age=%u",
             identity_cookie_name(r), token ? token : "", http_secure(r) ? "; Secure" : "",
             token ? config.session_absolute / 1000 : 0);
    http_set(r, "Set-Cookie", text);
}

/* ---- the service ---- */

static int init(struct actor *self, void *state, const void *arg)
{
    struct lookups *l = state;

    (void)arg;
    l->self = self;
    services[loop_index()] = l;
    return 0;
}

static void terminate(struct actor *self, void *state, int result)
{
    struct lookups *l = state;

    (void)self;
    if (result < 0 && result != -ESHUTDOWN)
        log_msg(LOG_ERROR, "identity_ended", "the identity look-ups of loop %u ended: %s",
                loop_index(), strerror(-result));
    refuse_all(l, -EUNAVAILABLE_DB);
    while (l->waiting_count) {
        take_batch(l);
        refuse_all(l, -EUNAVAILABLE_DB);
    }
    free(l->waiting);
    services[loop_index()] = NULL;
}

static const struct actor_type lookups_type = {.name = "identity",
                                               .state_size = sizeof(struct lookups),
                                               .mailbox_max = 64,
                                               .init = init,
                                               .receive = receive,
                                               .fail = fail,
                                               .terminate = terminate};

static int start(unsigned loop)
{
    actor_id lookups = actor_spawn(&lookups_type, NULL),
             sessions = actor_spawn(&sessions_type, NULL);

    if (!lookups || !sessions)
        return -ENOMEM;
    if (loop == 0 && (!actor_spawn(&maintenance_type, NULL) ||
                      !actor_spawn(&retention_type, NULL) || !actor_spawn(&cleaning_type, NULL)))
        return -ENOMEM;
    loop_set_actor(IDENTITY_ACTOR, lookups);
    loop_set_actor(SESSIONS_ACTOR, sessions);
    return 0;
}

static void stop(unsigned loop)
{
    recent_finish(loop);
    people_finish(loop);
}

const struct loop_service identity_service = {.name = "identity", .start = start, .stop = stop};
