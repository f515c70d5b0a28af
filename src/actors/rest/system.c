/* The system as its administrators see it: version, load and pools; caches, and emptying them. */
#include <stdio.h>
#include <unistd.h>

#include "op.h"
#include "stacgate/channel.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"
#include "stacgate/loop.h"

/* ---- GET /api/system/info ---- */

static int64_t began_ms; /* mono */

void system_began(void)
{
    began_ms = mono_ms();
}

static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void put_count(struct buf *b, const char *key, uint64_t n)
{
    mp_put_cstr(b, key);
    mp_put_uint(b, n);
}

static void put_pool(struct buf *b)
{
    uint64_t connected = 0, in_flight = 0, waiting = 0, statements = 0;
    struct db_stats s;

    for (unsigned loop = 0; loop < loop_count(); loop++)
        for (int lane = 0; lane < DB_LANES; lane++) {
            db_stats(loop, (enum db_lane)lane, &s);
            connected += s.connected;
            in_flight += s.in_flight;
            waiting += s.waiting;
            statements += s.statements;
        }
    mp_put_cstr(b, "database");
    mp_put_map(b, 4);
    put_count(b, "connections", connected);
    put_count(b, "inFlight", in_flight);
    put_count(b, "waiting", waiting);
    put_count(b, "statements", statements);
}

int op_system_info(struct actor *self, void *state, const struct msg *m)
{
    uint64_t connections = 0, websockets = 0, actors = 0;
    struct buf b = BUF_INIT;

    (void)self;
    (void)m;
    for (unsigned loop = 0; loop < loop_count(); loop++) {
        struct http_stats h;
        struct loop_stats l;

        http_stats(loop, &h);
        loop_stats(loop, &l);
        connections += h.connections;
        websockets += h.websockets;
        actors += l.actors;
    }
    mp_put_map(&b, 8);
    mp_put_cstr(&b, "version");
    mp_put_cstr(&b, STACGATE_VERSION);
    put_count(&b, "uptimeSeconds", (uint64_t)(mono_ms() - began_ms) / 1000);
    put_count(&b, "loops", loop_count());
    put_count(&b, "connections", connections);
    put_count(&b, "websockets", websockets);
    put_count(&b, "actors", actors);
    put_count(&b, "memoryBytes", resident_bytes());
    put_pool(&b);
    int end = rest_reply_mp(state, 200, mp_view(b.data, b.len));
    buf_finish(&b);
    return end;
}

/* ---- caches ---- */

static const struct cache {
    const char *name;
    unsigned (*forget)(void); /* how many entries went */
    void (*stats)(struct cache_stats *ret);
} caches[] = {{"recentSignIns", identity_forget_recent, identity_recent_stats},
              {"rolePermissions", identity_forget_roles, identity_roles_stats}};
enum { CACHES = sizeof(caches) / sizeof(caches[0]) };

int op_system_caches(struct actor *self, void *state, const struct msg *m)
{
    struct buf b = BUF_INIT;

    (void)self;
    (void)m;
    mp_put_array(&b, CACHES);
    for (unsigned i = 0; i < CACHES; i++) {
        struct cache_stats s;

        caches[i].stats(&s);
        mp_put_map(&b, 5);
        mp_put_cstr(&b, "name");
        mp_put_cstr(&b, caches[i].name);
        put_count(&b, "entries", s.entries);
        put_count(&b, "hits", s.hits);
        put_count(&b, "misses", s.misses);
        mp_put_cstr(&b, "hitRate"); /* null: nobody asked yet */
        if (s.hits + s.misses)
            mp_put_float(&b, (double)s.hits / (double)(s.hits + s.misses));
        else
            mp_put_nil(&b);
    }
    int end = rest_reply_mp(state, 200, mp_view(b.data, b.len));
    buf_finish(&b);
    return end;
}

const struct field schema_caches[] = {{.name = "caches",
                                       .type = FIELD_TEXTS,
                                       .max = CACHES,
                                       .choices = "recentSignIns|rolePermissions"},
                                      {.name = NULL}};

static bool cache_wanted(struct mp names, const struct cache *c)
{
    if (mp_count(names) == 0)
        return true; /* none was named: all */
    for (struct mp_iter it = mp_iter(names); mp_next(&it);)
        if (str_is(mp_str(it.value), c->name))
            return true;
    return false;
}

int op_system_clear_cache(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct mp names = mp_get(r->body, "caches");
    struct buf rows = BUF_INIT, b = BUF_INIT;
    uint32_t count = 0;

    (void)m;
    for (unsigned i = 0; i < CACHES; i++) {
        if (!cache_wanted(names, &caches[i]))
            continue;
        mp_put_map(&rows, 2);
        mp_put_cstr(&rows, "name");
        mp_put_cstr(&rows, caches[i].name);
        put_count(&rows, "entries", caches[i].forget());
        count++;
    }
    mp_put_map(&b, 1);
    mp_put_cstr(&b, "cleared");
    mp_put_array(&b, count);
    buf_put(&b, rows.data, rows.len);
    int end = rest_reply_mp_kept(self, r, 200, mp_view(b.data, b.len));
    buf_finish(&rows);
    buf_finish(&b);
    return end;
}
