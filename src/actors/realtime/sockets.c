/* Every signed-in socket by user, for the limit of sockets a user. A session stands here exactly while its connection lives. */
#include "sockets.h"

#include <pthread.h>
#include <stdlib.h>

#include "session.h"
#include "stacgate/config.h"
#include "stacgate/table.h"

struct owner {
    uint32_t count, cap;
    struct session **open;
    char user_id[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct table owners;

static struct owner *owner_get(const char *user_id)
{
    size_t n = strlen(user_id);
    struct owner *o = table_get(&owners, user_id, n);

    if (!o) {
        o = xcalloc(1, sizeof(*o) + n + 1);
        memcpy(o->user_id, user_id, n);
        table_put(&owners, o->user_id, n, o);
    }
    return o;
}

static actor_id longest_silent(const struct owner *o)
{
    struct session *found = o->open[0];

    for (uint32_t i = 1; i < o->count; i++)
        if (atomic_load_explicit(&o->open[i]->heard, memory_order_relaxed) <
            atomic_load_explicit(&found->heard, memory_order_relaxed))
            found = o->open[i];
    return session_id(found);
}

void sockets_add(struct session *s)
{
    actor_id victim = 0;

    pthread_mutex_lock(&lock);
    struct owner *o = owner_get(s->who->user_id);
    if (o->count >= config.sockets_user)
        victim = longest_silent(o);
    if (o->count == o->cap) {
        o->cap = o->cap ? o->cap * 2 : 1;
        o->open = xrealloc(o->open, o->cap * sizeof(struct session *));
    }
    o->open[o->count++] = s;
    pthread_mutex_unlock(&lock);
    if (victim)
        actor_send(victim, SESSION_TOO_MANY, NULL);
}

void sockets_remove(struct session *s)
{
    size_t n = strlen(s->who->user_id);

    pthread_mutex_lock(&lock);
    struct owner *o = table_get(&owners, s->who->user_id, n);
    for (uint32_t i = 0; o && i < o->count; i++)
        if (o->open[i] == s)
            o->open[i--] = o->open[--o->count];
    if (o && o->count == 0) {
        table_remove(&owners, o->user_id, n);
        free(o->open);
        free(o);
    }
    if (owners.count == 0) {
        table_finish(&owners);
        owners = TABLE_INIT;
    }
    pthread_mutex_unlock(&lock);
}
