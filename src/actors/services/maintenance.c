/*
 * The switch of maintenance mode in memory, and its reading from the database when the server
 * starts. Until it was read nobody gets in whom it might keep out: who comes back while the server
 * restarts in the middle of it must not find the door open.
 */
#include "stacgate/maintenance.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "sql.h"
#include "stacgate/log.h"
#include "upkeep.h"

#define LOOK_MS 10
#define AGAIN_MS 200
#define READ_MS 5000
#define WORDS_MAX 2000 /* bytes: 500 characters */

/* Twice the row's version, and one more while it is on; 0: not known. */
static _Atomic int64_t known;
/* What those who are turned away are told, and the version that says so. */
static struct {
    pthread_mutex_t mutex;
    int64_t version;
    size_t n;
    char text[WORDS_MAX];
} words = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static int64_t now(void)
{
    return atomic_load_explicit(&known, memory_order_relaxed);
}

bool maintenance_on(void)
{
    return now() % 2;
}

bool maintenance_known(void)
{
    return now() != 0;
}

bool maintenance_refuses(const struct identity *who)
{
    return (!maintenance_known() || maintenance_on()) && (!who || who->role < ROLE_ADMIN);
}

void maintenance_words(struct buf *out)
{
    pthread_mutex_lock(&words.mutex);
    if (words.n)
        buf_put(out, words.text, words.n);
    pthread_mutex_unlock(&words.mutex);
}

static void keep_words(int64_t version, struct str message)
{
    pthread_mutex_lock(&words.mutex);
    if (version > words.version) {
        words.version = version;
        words.n = message.n <= WORDS_MAX ? message.n : 0;
        if (words.n)
            memcpy(words.text, message.p, words.n);
    }
    pthread_mutex_unlock(&words.mutex);
}

/* false: something newer is known. */
static bool learn(bool on, int64_t version, struct str message)
{
    int64_t old = now(), new = version * 2 + on;

    keep_words(version, message);
    while (old < new)
        if (atomic_compare_exchange_weak(&known, &old, new))
            return true;
    return false;
}

void maintenance_switch(bool on, int64_t version, struct str message)
{
    if (learn(on, version, message))
        log_msg(LOG_WARN, "maintenance", "maintenance mode is %s", on ? "on" : "off");
}

static int was_read(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    if (learn(db_true(m, 0, 0, 0), db_int(m, 0, 0, 2), db_strv(m, 0, 0, 3)) && maintenance_on())
        log_msg(LOG_WARN, "maintenance", "maintenance mode is on");
    return ACTOR_DONE;
}

static int read_it(struct actor *self, void *state, const struct msg *m)
{
    struct db_group *g;

    (void)m;
    if (!db_available())
        return actor_after(self, LOOK_MS, read_it) ? 0 : ACTOR_DONE;
    g = db_group(DB_READ, &(struct db_context){0});
    db_stmt(g, SQL_SYSTEM_MAINTENANCE);
    if (db_ask(self, g, READ_MS, was_read) < 0)
        return maintenance_type.fail(self, state, 0);
    return 0;
}

static int again(struct actor *self, void *state, int err)
{
    (void)state;
    (void)err;
    return actor_after(self, AGAIN_MS, read_it) ? 0 : ACTOR_DONE;
}

static int init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_after(self, 1, read_it) ? 0 : -1;
}

const struct actor_type maintenance_type = {.name = "maintenance", .init = init, .fail = again};
