/*
 * Names of virtual actors. A name lives on the loop that its id's hash names, and that loop's part
 * of the registry gives it an actor_id under a lock, whoever asks; only that loop makes the actor.
 * Invariant: a name has an id from the first whereis until its actor has terminated, and mail to an
 * id that was given out but not yet activated activates it, so that no order of arrival loses mail.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

static struct kind {
    const char *name;
    const struct actor_type *type;
} kinds[KINDS_MAX];
static unsigned kind_count;

void actor_kind(const char *kind, const struct actor_type *type)
{
    assert(!loop_here && strlen(kind) < 64 && !strchr(kind, '/'));
    for (unsigned i = 0; i < kind_count; i++)
        if (strcmp(kinds[i].name, kind) == 0) {
            kinds[i].type = type;
            return;
        }
    assert(kind_count < KINDS_MAX);
    kinds[kind_count++] = (struct kind){.name = kind, .type = type};
}

static const struct kind *kind_find(const char *kind)
{
    for (unsigned i = 0; i < kind_count; i++)
        if (kinds[i].name == kind || strcmp(kinds[i].name, kind) == 0)
            return &kinds[i];
    return NULL;
}

/* FNV-1a with a final mix: the same in every process, so that the location is a matter of the id
 * alone. */
unsigned actor_home(const char *id)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (const char *p = id; *p; p++)
        h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    return (unsigned)(h % loop_count());
}

/* ---- one loop's part ---- */

void registry_init(struct registry *r)
{
    int err = uv_mutex_init(&r->lock);
    assert(err == 0);
}

void registry_finish(struct registry *r)
{
    struct name *name;
    for (uint32_t i = 0; (name = table_each(&r->names, &i));)
        free(name);
    table_finish(&r->names);
    free(r->slots);
    uv_mutex_destroy(&r->lock);
}

void registry_close(struct registry *r)
{
    uv_mutex_lock(&r->lock);
    r->closed = true;
    uv_mutex_unlock(&r->lock);
}

/* Under the lock. */
static uint32_t slot_take(struct registry *r)
{
    if (r->free) {
        uint32_t i = r->free - 1;
        r->free = r->slots[i].next_free;
        return i;
    }
    if (r->count == SLOT_MAX)
        return UINT32_MAX;
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->slots = xrealloc(r->slots, r->cap * sizeof(*r->slots));
    }
    r->slots[r->count] = (struct registry_slot){.generation = 1};
    return r->count++;
}

/* Under the lock: a new name with an id, not activated yet. NULL: none may be made. */
static struct name *name_make(struct registry *r, unsigned home, const struct kind *kind,
                              const char *key, size_t n)
{
    uint32_t i = r->closed ? UINT32_MAX : slot_take(r);
    if (i == UINT32_MAX)
        return NULL;
    struct name *name = xmalloc(sizeof(*name) + n + 1);
    *name = (struct name){.type = kind->type, .kind = kind->name};
    memcpy(name->key, key, n + 1);
    name->tail = name->key + strlen(kind->name) + 1;
    name->id = id_make(home, r->slots[i].generation, SLOT_NAMED | i);
    r->slots[i].name = name;
    table_put(&r->names, name->key, n, name);
    return name;
}

struct actor *registry_activate(struct loop *l, actor_id id)
{
    struct registry *r = &l->registry;
    uint32_t i = id_slot(id) & ~SLOT_NAMED;
    struct name *name = NULL;
    uv_mutex_lock(&r->lock);
    if (i < r->count && r->slots[i].generation == id_generation(id))
        name = r->slots[i].name;
    if (name && (name->activated || l->closing))
        name = NULL;
    if (name)
        name->activated = true;
    uv_mutex_unlock(&r->lock);
    return name ? actor_create(l, name->type, id, name, name->tail) : NULL;
}

void registry_release(struct loop *l, struct name *name)
{
    struct registry *r = &l->registry;
    uint32_t i = id_slot(name->id) & ~SLOT_NAMED;
    uv_mutex_lock(&r->lock);
    table_remove(&r->names, name->key, strlen(name->key));
    r->slots[i].name = NULL;
    if (++r->slots[i].generation) { /* 0: every id of this slot was used once */
        r->slots[i].next_free = r->free;
        r->free = i + 1;
    }
    uv_mutex_unlock(&r->lock);
    free(name);
}

/* ---- what everybody calls ---- */

/* The name's id; made if wanted. On its own loop it is active when this returns. */
static actor_id look_up(const char *kind_name, const char *id, bool make)
{
    const struct kind *kind = kind_find(kind_name);
    size_t kind_len = kind ? strlen(kind->name) : 0, id_len = strnlen(id, NAME_MAX_BYTES + 1);
    char key[64 + 1 + NAME_MAX_BYTES + 1];
    if (!kind || id_len > NAME_MAX_BYTES || !loop_count())
        return 0;
    memcpy(key, kind->name, kind_len);
    key[kind_len] = '/';
    memcpy(key + kind_len + 1, id, id_len + 1);

    struct loop *l = loop_at(actor_home(id));
    struct registry *r = &l->registry;
    bool made = false;
    uv_mutex_lock(&r->lock);
    struct name *name = table_get(&r->names, key, kind_len + 1 + id_len);
    if (!name && make) {
        name = name_make(r, l->index, kind, key, kind_len + 1 + id_len);
        made = name != NULL;
    }
    actor_id who = name ? name->id : 0;
    bool activated = name && name->activated;
    uv_mutex_unlock(&r->lock);

    if (who && !activated && l == loop_here)
        registry_activate(l, who);
    else if (made)
        mail_post(mail_make(MAIL_ACTIVATE, who, (struct msg){0}));
    return who;
}

actor_id actor_whereis(const char *kind, const char *id)
{
    return look_up(kind, id, true);
}
actor_id actor_find(const char *kind, const char *id)
{
    return look_up(kind, id, false);
}

void actor_each(const char *kind_name, void (*each)(actor_id who, void *arg), void *arg)
{
    const struct kind *kind = kind_find(kind_name);
    struct buf ids = BUF_INIT;
    for (unsigned i = 0; kind && i < loop_count(); i++) {
        struct registry *r = &loop_at(i)->registry;
        struct name *name;
        uv_mutex_lock(&r->lock);
        for (uint32_t k = 0; (name = table_each(&r->names, &k));)
            if (name->kind == kind->name)
                buf_put(&ids, &name->id, sizeof(name->id));
        uv_mutex_unlock(&r->lock);
    }
    for (size_t at = 0; at < ids.len; at += sizeof(actor_id)) {
        actor_id who;
        memcpy(&who, ids.data + at, sizeof(who));
        each(who, arg);
    }
    buf_finish(&ids);
}
