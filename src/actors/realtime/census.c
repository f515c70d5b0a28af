/*
 * How many sockets each school has open and how many people have them, all loops together. A lock
 * is held for two look-ups and a count, when a socket opens or closes; nothing per message comes
 * here.
 */
#include "census.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/buf.h"
#include "stacgate/table.h"

struct counted {         /* a school, or a person of one */
    struct table people; /* of a school: those with sockets */
    uint32_t sockets;
    char id[];
};
static struct table schools; /* those with sockets */
static uint32_t all_sockets, all_people;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct counted *count_in(struct table *t, const char *id)
{
    size_t n = strlen(id);
    struct counted *c = table_get(t, id, n);

    if (!c) {
        c = xcalloc(1, sizeof(*c) + n + 1);
        memcpy(c->id, id, n);
        table_put(t, c->id, n, c);
    }
    c->sockets++;
    return c;
}

static void count_out(struct table *t, struct counted *c)
{
    assert(c && c->sockets);
    if (--c->sockets)
        return;
    table_remove(t, c->id, strlen(c->id));
    table_finish(&c->people);
    free(c);
}

void census_opened(const char *establishment_id, const char *user_id)
{
    pthread_mutex_lock(&lock);
    struct counted *school = count_in(&schools, establishment_id);
    all_people += count_in(&school->people, user_id)->sockets == 1;
    all_sockets++;
    pthread_mutex_unlock(&lock);
}

void census_closed(const char *establishment_id, const char *user_id)
{
    pthread_mutex_lock(&lock);
    struct counted *school = table_get(&schools, establishment_id, strlen(establishment_id));
    assert(school);
    struct counted *person = table_get(&school->people, user_id, strlen(user_id));
    assert(person);
    all_people -= person->sockets == 1;
    all_sockets--;
    count_out(&school->people, person);
    count_out(&schools, school);
    pthread_mutex_unlock(&lock);
}

struct live_sockets live_sockets(const char *establishment_id)
{
    struct live_sockets n = {0};

    pthread_mutex_lock(&lock);
    struct counted *s = table_get(&schools, establishment_id, strlen(establishment_id));
    if (!*establishment_id)
        n = (struct live_sockets){all_sockets, all_people};
    else if (s)
        n = (struct live_sockets){s->sockets, s->people.count};
    pthread_mutex_unlock(&lock);
    return n;
}
