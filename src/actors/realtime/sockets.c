/*
 * Every signed-in socket by user, for the limit of sockets a user: chains of sessions, hung up by
 * the hash of the user's id. A session hangs here exactly while its connection lives.
 */
#include "sockets.h"

#include <pthread.h>

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
