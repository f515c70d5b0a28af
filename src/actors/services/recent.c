/*
 * Who was here a moment ago: the people of connections that were cut, so that a storm of reconnects
 * asks the database nothing. An entry serves every connection of its sign-in, for as long as a join
 * ticket lives. The invariant: whoever's sign-in ended or whose rights changed after they were
 * remembered is looked up again.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"
#include "stacgate/table.h"

#define KEPT_MS 120000
#define KEPT_MAX 50000 /* people; the oldest make room */
#define ENDS                                                                                       \
    4096 /* ends that a loop remembers; when they do not reach back far enough, the                \
            database is asked */
#define STRINGS 6

/* ---- ends of sign-ins, by loop ---- */

struct end {
    uint64_t user;
    int64_t at_ms;
};
struct ends {
    struct end *ring; /* of ENDS */
    uint32_t count;
};
static struct ends ends[LOOPS_MAX];

static uint64_t user_hash(const char *user_id)
{
    return siphash(user_id, strlen(user_id));
}

void identity_note_end(const char *user_id)
{
    struct ends *e = &ends[loop_index()];

    if (!e->ring)
        e->ring = xcalloc(ENDS, sizeof(*e->ring));
    e->ring[e->count++ % ENDS] = (struct end){user_hash(user_id), mono_ms()};
}

bool identity_ended_since(const char *user_id, int64_t since_ms)
{
    const struct ends *e = &ends[loop_index()];
    uint64_t user = user_hash(user_id), everybody = user_hash("");

    for (uint32_t i = 1; i <= ENDS && i <= e->count; i++) {
        const struct end *end = &e->ring[(e->count - i) % ENDS];
        if (end->at_ms < since_ms)
            return false;
        if (end->user == user || end->user == everybody)
            return true;
    }
    return e->count > ENDS;
}

/* ---- people whose connection was cut ---- */

struct recent {
    struct recent *next;    /* links the queue, by age */
    int64_t at_ms;          /* mono: until then its sign-in was good */
    struct session_ref ref; /* without its person */
    struct person person;   /* strings below */
    char text[];
};

static struct {
    pthread_mutex_t mutex;
    struct table by_sid; /* the newest of each */
    struct recent *first, **last;
    unsigned count;
    uint64_t hits, misses;
} kept = {.mutex = PTHREAD_MUTEX_INITIALIZER, .last = &kept.first};

static void drop_oldest(void)
{
    struct recent *e = kept.first;

    kept.first = e->next;
    if (!kept.first)
        kept.last = &kept.first;
    if (table_get(&kept.by_sid, e->ref.sid, 64) == e)
        table_remove(&kept.by_sid, e->ref.sid, 64);
    kept.count--;
    free(e);
    if (!kept.first)
        table_finish(&kept.by_sid);
}

static struct recent *copy(const struct session_ref *ref)
{
    const struct identity *who = ref->who;
    const char *from[STRINGS] = {who->user_id,   who->establishment_id,  who->first_name,
                                 who->last_name, who->profile_image_url, who->email};
    size_t size = 0;

    for (int i = 0; i < STRINGS; i++)
        size += strlen(from[i]) + 1;
    struct recent *e = xcalloc(1, sizeof(*e) + size);
    const char **to[STRINGS] = {&e->person.user_id,           &e->person.establishment_id,
                                &e->person.first_name,        &e->person.last_name,
                                &e->person.profile_image_url, &e->person.email};
    char *at = e->text;
    for (int i = 0; i < STRINGS; i++) {
        size_t n = strlen(from[i]) + 1;
        *to[i] = memcpy(at, from[i], n);
        at += n;
    }
    e->person.role = who->role;
    memcpy(e->person.permissions, who->permissions, sizeof(who->permissions));
    e->ref = *ref;
    e->ref.who = NULL;
    e->at_ms = mono_ms();
    return e;
}

void identity_remember(const struct session_ref *ref)
{
    struct recent *e = copy(ref);

    pthread_mutex_lock(&kept.mutex);
    while (kept.first && (kept.count >= KEPT_MAX || kept.first->at_ms <= e->at_ms - KEPT_MS))
        drop_oldest();
    table_remove(&kept.by_sid, e->ref.sid, 64); /* the key belongs to the older entry */
    table_put(&kept.by_sid, e->ref.sid, 64, e);
    *kept.last = e;
    kept.last = &e->next;
    kept.count++;
    pthread_mutex_unlock(&kept.mutex);
}

bool identity_recall(const char sid[65], struct session_ref *ret)
{
    int64_t now = mono_ms();
    bool good = false;

    pthread_mutex_lock(&kept.mutex);
    const struct recent *e = table_get(&kept.by_sid, sid, 64);
    if (e && e->at_ms > now - KEPT_MS && e->ref.expires_ms > wall_ms() &&
        !identity_ended_since(e->person.user_id, e->at_ms)) {
        *ret = e->ref;
        ret->who = person_intern(&e->person);
        /* Then it is looked up after all, with everybody who came back: what was changed behind
         * this server's back counts a little later, not never. */
        if (ret->expires_ms > wall_ms() + (int64_t)config.session_touch)
            ret->expires_ms = wall_ms() + (int64_t)config.session_touch;
        good = true;
    }
    *(good ? &kept.hits : &kept.misses) += 1;
    pthread_mutex_unlock(&kept.mutex);
    return good;
}

void identity_recent_stats(struct cache_stats *ret)
{
    pthread_mutex_lock(&kept.mutex);
    *ret = (struct cache_stats){kept.count, kept.hits, kept.misses};
    pthread_mutex_unlock(&kept.mutex);
}

unsigned identity_forget_recent(void)
{
    pthread_mutex_lock(&kept.mutex);
    unsigned n = kept.count;
    while (kept.first)
        drop_oldest();
    pthread_mutex_unlock(&kept.mutex);
    return n;
}

void recent_finish(unsigned loop)
{
    free(ends[loop].ring);
    ends[loop] = (struct ends){0};
    pthread_mutex_lock(&kept.mutex);
    while (kept.first)
        drop_oldest();
    pthread_mutex_unlock(&kept.mutex);
}
