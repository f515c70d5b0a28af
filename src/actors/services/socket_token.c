/*
 * Socket tokens: a table of the process behind one mutex, touched once when a token is made and
 * once when it is used. What is stored is a hash; entries that nobody used leave when their time is
 * over.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "stacgate/buf.h"
#include "stacgate/ids.h"
#include "stacgate/table.h"
#include "token.h"

#define TOKENS_MAX 65536 /* of everybody, in the time that one lives … */
#define USER_MAX 40      /* … and of one person; people are counted by a hash */
#define COUNTERS 65536   /* a power of two */

struct entry {
    struct entry *next; /* links the queue, by age: all live equally long */
    int64_t until_ms;
    char hash[65], sid[65];
    uint16_t user; /* index of its person's counter */
    char origin[];
};

static struct {
    pthread_mutex_t mutex;
    struct table by_hash;
    struct entry *first, **last;
    unsigned count;
    uint8_t of_user[COUNTERS];
} tokens = {.mutex = PTHREAD_MUTEX_INITIALIZER, .last = &tokens.first};

/* Those whose time is over, used or not. */
static void expire(int64_t now)
{
    while (tokens.first && tokens.first->until_ms <= now) {
        struct entry *e = tokens.first;

        tokens.first = e->next;
        if (!tokens.first)
            tokens.last = &tokens.first;
        if (table_get(&tokens.by_hash, e->hash, 64) == e)
            table_remove(&tokens.by_hash, e->hash, 64);
        tokens.count--;
        tokens.of_user[e->user]--;
        free(e);
    }
    if (!tokens.first)
        table_finish(&tokens.by_hash);
}

static bool add(struct entry *e)
{
    if (tokens.count >= TOKENS_MAX || tokens.of_user[e->user] >= USER_MAX)
        return false;
    tokens.count++;
    tokens.of_user[e->user]++;
    table_put(&tokens.by_hash, e->hash, 64, e);
    *tokens.last = e;
    tokens.last = &e->next;
    return true;
}

bool socket_token_make(char token[SOCKET_TOKEN_SIZE], const char sid[65], const char *user_id,
                       const char *origin)
{
    size_t n = strlen(origin);
    struct entry *e = xcalloc(1, sizeof(*e) + n + 1);

    random_token(token, SOCKET_TOKEN_SIZE);
    sha256_hex(token, SOCKET_TOKEN_SIZE - 1, e->hash);
    memcpy(e->sid, sid, sizeof(e->sid));
    memcpy(e->origin, origin, n);
    e->user = siphash(user_id, strlen(user_id)) & (COUNTERS - 1);
    e->until_ms = mono_ms() + SOCKET_TOKEN_MS;
    pthread_mutex_lock(&tokens.mutex);
    expire(mono_ms());
    bool made = add(e);
    pthread_mutex_unlock(&tokens.mutex);
    if (!made)
        free(e);
    return made;
}

bool socket_token_take(const char *token, const char *origin, char sid[65])
{
    char hash[65];
    bool good = false;

    if (strlen(token) != SOCKET_TOKEN_SIZE - 1)
        return false;
    sha256_hex(token, SOCKET_TOKEN_SIZE - 1, hash);
    pthread_mutex_lock(&tokens.mutex);
    expire(mono_ms());
    struct entry *e = table_remove(&tokens.by_hash, hash, 64);
    if (e) {
        good = strcasecmp(e->origin, origin) == 0;
        memcpy(sid, e->sid, sizeof(e->sid));
    }
    pthread_mutex_unlock(&tokens.mutex);
    return good;
}
