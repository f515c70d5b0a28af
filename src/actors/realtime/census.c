/*
 * How many sockets each school has open, all loops together: the live figure of analytics. A lock
 * is held for a look-up and a count, when a socket opens or closes; nothing per message comes here.
 */
#include "census.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/buf.h"
#include "stacgate/table.h"

struct school {
    uint32_t sockets;
    char id[];
};
static struct table schools; /* those with sockets */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void census_opened(const char *establishment_id)
{
    size_t n = strlen(establishment_id);

    if (n == 0)
        return;
    pthread_mutex_lock(&lock);
    struct school *s = table_get(&schools, establishment_id, n);
    if (!s) {
        s = xcalloc(1, sizeof(*s) + n + 1);
        memcpy(s->id, establishment_id, n);
        table_put(&schools, s->id, n, s);
    }
    s->sockets++;
    pthread_mutex_unlock(&lock);
}

void census_closed(const char *establishment_id)
{
    size_t n = strlen(establishment_id);

    if (n == 0)
        return;
    pthread_mutex_lock(&lock);
    struct school *s = table_get(&schools, establishment_id, n);
    assert(s && s->sockets);
    if (--s->sockets == 0) {
        table_remove(&schools, s->id, n);
        free(s);
    }
    pthread_mutex_unlock(&lock);
}

uint32_t live_connections(const char *establishment_id)
{
    pthread_mutex_lock(&lock);
    struct school *s = table_get(&schools, establishment_id, strlen(establishment_id));
    uint32_t n = s ? s->sockets : 0;
    pthread_mutex_unlock(&lock);
    return n;
}
