/*
 * Every signed-in socket by user, for the limit of sockets a user: chains of sessions, hung up by
 * the hash of the user's id. A session hangs here exactly while its connection lives.
 */
#include "sockets.h"

#include <pthread.h>
#include <stdlib.h>

#include "session.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"

#define CHAINS 16384 /* a power of two; 128 KiB */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *chains[CHAINS];

static struct session **chain_of(const struct session *s)
{
    return &chains[siphash(s->who->user_id, strlen(s->who->user_id)) & (CHAINS - 1)];
}

void sockets_add(struct session *s)
{
    struct session **chain = chain_of(s), *silent = NULL;
    uint32_t count = 0;
    actor_id victim = 0;

    pthread_mutex_lock(&lock);
    for (struct session *o = *chain; o; o = o->next_socket) {
        if (o->evicted || strcmp(o->who->user_id, s->who->user_id) != 0)
            continue;
        count++;
        if (!silent || atomic_load_explicit(&o->heard, memory_order_relaxed) <
                           atomic_load_explicit(&silent->heard, memory_order_relaxed))
            silent = o;
    }
    if (count >= config.sockets_user && silent) {
        silent->evicted = true;
        victim = session_id(silent);
    }
    s->next_socket = *chain;
    *chain = s;
    pthread_mutex_unlock(&lock);
    if (victim)
        actor_send(victim, SESSION_TOO_MANY, NULL);
}

void sockets_remove(struct session *s)
{
    struct session **at = chain_of(s);

    pthread_mutex_lock(&lock);
    while (*at && *at != s)
        at = &(*at)->next_socket;
    if (*at)
        *at = s->next_socket;
    pthread_mutex_unlock(&lock);
}

/* ---- handshakes without identity yet ---- */

struct knocks {
    uint32_t count;
    char address[];
};
static struct table knocking; /* under the same lock */

bool sockets_knock(const char *address)
{
    size_t n = strlen(address);
    bool room;

    pthread_mutex_lock(&lock);
    struct knocks *k = table_get(&knocking, address, n);
    room = !config.rate_limits || !k || k->count < config.sockets_anonymous;
    if (!k) {
        k = xcalloc(1, sizeof(*k) + n + 1);
        memcpy(k->address, address, n);
        table_put(&knocking, k->address, n, k);
    }
    k->count += room;
    pthread_mutex_unlock(&lock);
    return room;
}

void sockets_answered(const char *address)
{
    size_t n = strlen(address);

    pthread_mutex_lock(&lock);
    struct knocks *k = table_get(&knocking, address, n);
    if (k && --k->count == 0) {
        table_remove(&knocking, address, n);
        free(k);
    }
    if (knocking.count == 0)
        table_finish(&knocking);
    pthread_mutex_unlock(&lock);
}
