/*
 * Is it alive, and can it serve? Liveness is always 200 while the process answers; readiness looks
 * at what serving needs: the database and its schema, room on the disk, loops that turn, no drain
 * under way. Nobody has to be signed in, so it says little.
 */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "op.h"
#include "stacgate/config.h"
#include "stacgate/loop.h"

#define DISK_FREE_MIN (64ull * 1024 * 1024)
#define LAG_MAX_MS 5000
#define CHECK_MS 3000

struct migration {
    const char *name, *text;
};
extern const struct migration
    migrations[]; /* made at build: what this binary wants the schema to be */

const struct field schema_health[] = {{.name = "ready", .type = FIELD_BOOL}, {.name = NULL}};

struct health {
    bool database, migrations, disk, loops, draining;
};

static bool disk_fits(void)
{
    struct statvfs v;

    return statvfs(config.data, &v) != 0 || (uint64_t)v.f_bavail * v.f_frsize >= DISK_FREE_MIN;
}

/* Each loop has something to do four times a second, so one that is still for so long stands. One
 * that stood is trusted again after a while: whoever was kept away by it may come back. */
static bool loops_turn(void)
{
    struct loop_stats st;

    for (unsigned i = 0; i < loop_count(); i++) {
        loop_stats(i, &st);
        if (st.lag_lately_ms > LAG_MAX_MS || st.still_ms > LAG_MAX_MS)
            return false;
    }
    return true;
}

static void put_check(struct buf *b, const char *name, bool good)
{
    mp_put_cstr(b, name);
    mp_put_cstr(b, good ? "ok" : "failed");
}

static int tell(struct rest *r, struct health h)
{
    bool ready = h.database && h.migrations && h.disk && h.loops && !h.draining;
    struct buf b = BUF_INIT;

    mp_put_map(&b, 2);
    mp_put_cstr(&b, "status");
    mp_put_cstr(&b, ready ? "ready" : "not_ready");
    mp_put_cstr(&b, "checks");
    mp_put_map(&b, 5);
    put_check(&b, "database", h.database);
    put_check(&b, "migrations", h.migrations);
    put_check(&b, "disk", h.disk);
    put_check(&b, "loops", h.loops);
    put_check(&b, "accepting", !h.draining);
    if (!ready)
        http_set(r->http, "Retry-After", "2");
    int done = rest_reply_mp(r, ready ? 200 : 503, mp_view(b.data, b.len));
    buf_finish(&b);
    return done;
}

static struct health look(void)
{
    return (struct health){
        .disk = disk_fits(), .loops = loops_turn(), .draining = runtime_draining()};
}

static const char *newest_migration(void)
{
    const char *name = "";

    for (const struct migration *m = migrations; m->name; m++)
        name = m->name;
    return name;
}

static int version_read(struct actor *self, void *state, const struct msg *m)
{
    struct health h = look();

    (void)self;
    h.database = db_error(m) == NULL;
    h.migrations = h.database && strcmp(db_text(m, 0, 0, 0), newest_migration()) == 0;
    return tell(state, h);
}

static int alive(struct rest *r)
{
    static const char text[] = "{\"status\":\"ok\"}";

    return rest_reply_text(r, 200, (struct str){text, sizeof(text) - 1});
}

int op_system_health(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g;

    (void)m;
    if (!mp_bool(mp_get(r->query, "ready"), false))
        return alive(r);
    if (!db_available() || r->again)
        return tell(r, look());
    g = db_group(DB_READ, &(struct db_context){0});
    db_errors_as_result(g);
    db_stmt(g, SQL_SESSIONS_SCHEMA_VERSION);
    return db_ask(self, g, CHECK_MS, version_read);
}
