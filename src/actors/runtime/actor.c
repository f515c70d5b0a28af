/*
 * The life of an actor: spawned, run message by message, ended. Steps run only from actors_run, so
 * an actor never ends under its own feet: whatever ends it (a step's answer, actor_stop, the drain)
 * takes effect between two messages. A ready actor stands in exactly one list, a running one in
 * none.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

/* ---- slots ---- */

static uint32_t slot_take(struct slots *s)
{
    if (s->free) {
        uint32_t i = s->free - 1;
        s->free = s->at[i].next_free;
        return i;
    }
    if (s->count == SLOT_MAX)
        return UINT32_MAX;
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->at = xrealloc(s->at, s->cap * sizeof(*s->at));
    }
    s->at[s->count] = (struct slot){.generation = 1};
    return s->count++;
}

/* The registry chose slot and generation; here is only where to find the actor. */
static struct slot *slot_named(struct slots *s, actor_id id)
{
    uint32_t i = id_slot(id) & ~SLOT_NAMED;
    if (i >= s->cap) {
        uint32_t cap = s->cap ? s->cap : 64;
        while (cap <= i)
            cap *= 2;
        s->at = xrealloc(s->at, cap * sizeof(*s->at));
        memset(s->at + s->cap, 0, (cap - s->cap) * sizeof(*s->at));
        s->cap = cap;
    }
    s->count = i >= s->count ? i + 1 : s->count;
    s->at[i].generation = id_generation(id);
    return &s->at[i];
}

static void slot_clear(struct loop *l, actor_id id)
{
    if (id_slot(id) & SLOT_NAMED) {
        l->named.at[id_slot(id) & ~SLOT_NAMED].actor = NULL;
        return;
    }
    struct slot *s = &l->slots.at[id_slot(id)];
    s->actor = NULL;
    if (++s->generation == 0) /* every id of this slot was used once: it is never used again */
        return;
    s->next_free = l->slots.free;
    l->slots.free = id_slot(id) + 1;
}

struct actor *actor_lookup(struct loop *l, actor_id id)
{
    const struct slots *s = id_slot(id) & SLOT_NAMED ? &l->named : &l->slots;
    uint32_t i = id_slot(id) & ~SLOT_NAMED;
    if (i >= s->count || s->at[i].generation != id_generation(id))
        return NULL;
    return s->at[i].actor;
}

/* ---- ready lists ---- */

static void list_add(struct actor ***end, struct actor *a)
{
    a->next_ready = NULL;
    **end = a;
    *end = &a->next_ready;
}

static void schedule(struct loop *l, struct actor *a)
{
    a->scheduled = true;
    list_add(&l->ready_end, a);
}

bool actors_ready(const struct loop *l)
{
    return l->ready || l->later;
}

void actor_enqueue(struct loop *l, struct actor *a, struct mail *mail)
{
    mail->next = NULL;
    if (a->first)
        a->last->next = mail;
    else
        a->first = mail;
    a->last = mail;
    if (!a->scheduled)
        schedule(l, a);
}

static struct mail *dequeue(struct actor *a)
{
    struct mail *mail = a->first;
    a->first = mail->next;
    return mail;
}

/* ---- beginning and end ---- */

/* Tells every loop that may wait for it, after everything it sent there. */
static void tell_end(struct loop *l, uint64_t watchers, actor_id id, int result)
{
    for (; watchers; watchers &= watchers - 1) {
        unsigned to = (unsigned)__builtin_ctzll(watchers);
        if (to == l->index)
            pending_target_ended(l, id, result);
        else
            mail_post(mail_make(MAIL_ENDED, id_make(to, 0, 0),
                                (struct msg){.status = result, .from = id}));
    }
}

/* It stands in no list. The id is free from the first line on: mail from terminate to itself goes
 * nowhere. */
static void actor_end(struct loop *l, struct actor *a, int result)
{
    bool drains = a->type->drains;
    actor_id id = a->id;

    a->ended = true;
    tally_sub(&l->mail_waiting, a->waiting);
    slot_clear(l, id);
    while (a->pending)
        pending_remove(l, a->pending);
    while (a->first)
        mail_free(dequeue(a));
    if (a->type->terminate)
        a->type->terminate(a, a->state, result);
    if (a->name)
        registry_release(l, a->name);
    tell_end(l, a->watchers, id, result);
    count32(&l->actors, -1);
    free(a);
    if (drains)
        runtime_drains_count(-1);
}

static void post_stop(struct loop *l, struct actor *a)
{
    a->waiting++; /* whatever the mailbox's limit */
    tally_add(&l->mail_waiting, 1);
    actor_enqueue(l, a, mail_make(MAIL_MESSAGE, a->id, (struct msg){.kind = MSG_STOP}));
}

struct actor *actor_create(struct loop *l, const struct actor_type *type, actor_id id,
                           struct name *name, const void *arg)
{
    assert(type->state_size <= 65536 && (type->receive || !type->drains));
    struct actor *a = xcalloc(1, sizeof(*a) + type->state_size);
    a->id = id;
    a->type = type;
    a->name = name;
    a->scheduled = true; /* not into the ready list before init is over */
    struct slot *s = name ? slot_named(&l->named, id) : &l->slots.at[id_slot(id)];
    s->actor = a;
    count32(&l->actors, 1);
    if (type->drains)
        runtime_drains_count(1);

    int r = type->init ? type->init(a, a->state, arg) : 0;
    if (r < 0) {
        actor_end(l, a, r);
        return NULL;
    }
    if (type->drains && l->stopping)
        post_stop(l, a);
    if (a->first)
        schedule(l, a);
    else
        a->scheduled = false;
    return a;
}

actor_id actor_spawn(const struct actor_type *type, const void *arg)
{
    struct loop *l = loop_here;
    assert(l);
    if (l->closing)
        return 0;
    uint32_t i = slot_take(&l->slots);
    if (i == UINT32_MAX)
        return 0;
    actor_id id = id_make(l->index, l->slots.at[i].generation, i);
    return actor_create(l, type, id, NULL, arg) ? id : 0;
}

/* ---- running ---- */

/* The answer goes to whoever waits for it; a late one finds nobody. */
static int answer(struct loop *l, struct actor *a, const struct msg *m)
{
    static const msg_kind kinds[] = {[PENDING_ASK] = MSG_REPLY,
                                     [PENDING_EXPECT] = MSG_REPLY,
                                     [PENDING_TIMER] = MSG_TIMER,
                                     [PENDING_MONITOR] = MSG_DOWN};
    struct pending *p = pending_find(l, a->id, m->ref);
    if (!p || kinds[p->kind] != m->kind)
        return 0;
    struct msg told = *m;
    actor_step *step = p->step ? p->step : a->type->receive;
    if (p->kind == PENDING_ASK || p->kind == PENDING_MONITOR)
        told.from = p->target;
    pending_remove(l, p);
    if (m->kind == MSG_REPLY && m->status < 0) {
        l->failing = a;
        l->failed_step = step;
        int r = a->type->fail ? a->type->fail(a, a->state, m->status) : m->status;
        l->failing = NULL;
        return r;
    }
    return step ? step(a, a->state, &told) : 0;
}

static int handle(struct loop *l, struct actor *a, const struct mail *mail)
{
    switch (mail->op) {
    case MAIL_MESSAGE:
        a->waiting--;
        tally_sub(&l->mail_waiting, 1);
        return a->type->receive(a, a->state, &mail->m);
    case MAIL_ANSWER:
        return answer(l, a, &mail->m);
    default:
        assert(mail->op == MAIL_END);
        return mail->m.status < 0 ? mail->m.status : ACTOR_DONE;
    }
}

/* At most `most` messages; what is left over is for the next round, or the next turn when its share
 * is used up. */
static void run(struct loop *l, struct actor *a, unsigned most)
{
    if (a->turn != l->turn) {
        a->turn = l->turn;
        a->used = 0;
        histogram_note(&l->mailbox, &scale_count, a->waiting);
        tally_most(&l->mailbox_max, a->waiting);
    }
    for (; a->first && a->used < TURN_MESSAGES && most; most--) {
        struct mail *mail = dequeue(a);
        a->used++;
        int r = handle(l, a, mail);
        mail_free(mail);
        count64(&l->messages, 1);
        assert(r <= ACTOR_DONE);
        if (r) {
            actor_end(l, a, r < 0 ? r : 0);
            return;
        }
    }
    if (!a->first)
        a->scheduled = false;
    else if (a->used < TURN_MESSAGES)
        schedule(l, a);
    else
        list_add(&l->later_end, a);
}

/* Tests: another order for every seed, and few messages at a time, so that more schedules are met.
 */
static void run_shuffled(struct loop *l, struct actor *list)
{
    uint32_t n = 0;
    for (; list; list = list->next_ready) {
        if (n == l->shuffled_cap) {
            l->shuffled_cap = n ? n * 2 : 64;
            l->shuffled = xrealloc(l->shuffled, l->shuffled_cap * sizeof(struct actor *));
        }
        l->shuffled[n++] = list;
    }
    while (n) {
        uint32_t i = (uint32_t)(loop_random(l) % n);
        struct actor *a = l->shuffled[i];
        l->shuffled[i] = l->shuffled[--n];
        run(l, a, 1 + (unsigned)(loop_random(l) % 8));
    }
}

/*
 * Actors that become ready meanwhile still run in this turn, so that a question and its answer need
 * not wait for two polls; two that play ping-pong stop at their share, and a chain of new ones at
 * the rounds.
 */
void actors_run(struct loop *l)
{
    *l->ready_end = l->later;
    l->ready_end = l->later ? l->later_end : l->ready_end;
    l->later = NULL;
    l->later_end = &l->later;
    for (unsigned round = 0; l->ready && round < TURN_ROUNDS; round++) {
        struct actor *list = l->ready, *next;
        l->ready = NULL;
        l->ready_end = &l->ready;
        if (l->random) {
            run_shuffled(l, list);
            continue;
        }
        for (; list; list = next) {
            next = list->next_ready;
            run(l, list, TURN_MESSAGES);
        }
    }
}

/* ---- the drain ---- */

void actors_stop(struct loop *l)
{
    l->stopping = true;
    const struct slots *all[] = {&l->named, &l->slots};
    for (unsigned k = 0; k < 2; k++)
        for (uint32_t i = 0; i < all[k]->count; i++)
            if (all[k]->at[i].actor && all[k]->at[i].actor->type->drains)
                post_stop(l, all[k]->at[i].actor);
}

static void lists_clear(struct loop *l)
{
    l->ready = l->later = NULL;
    l->ready_end = &l->ready;
    l->later_end = &l->later;
}

/*
 * Youngest slots first: what was spawned at the start, which others lean on, goes last. Nobody runs
 * any more, so all count as scheduled: the mail that their ends send to each other must not put a
 * dying one into a list.
 */
void actors_end(struct loop *l)
{
    const struct slots *all[] = {&l->named, &l->slots};
    lists_clear(l);
    for (unsigned k = 0; k < 2; k++)
        for (uint32_t i = 0; i < all[k]->count; i++)
            if (all[k]->at[i].actor)
                all[k]->at[i].actor->scheduled = true;
    for (unsigned k = 0; k < 2; k++)
        for (uint32_t i = all[k]->count; i-- > 0;)
            if (all[k]->at[i].actor)
                actor_end(l, all[k]->at[i].actor, -ESHUTDOWN);
}

/* ---- what actors call ---- */

void actor_send(actor_id to, msg_kind kind, struct body *body)
{
    mail_post(mail_make(MAIL_MESSAGE, to, (struct msg){.kind = kind, .body = body}));
}

void actor_send_from(struct actor *self, actor_id to, msg_kind kind, struct body *body)
{
    mail_post(
        mail_make(MAIL_MESSAGE, to, (struct msg){.kind = kind, .from = self->id, .body = body}));
}

void actor_stop(actor_id who, int result)
{
    mail_post(mail_make(MAIL_END, who, (struct msg){.status = result < 0 ? result : 0}));
}

actor_id actor_self(const struct actor *self)
{
    return self->id;
}
void *actor_state(struct actor *self)
{
    return self->state;
}

struct actor *actor_here(actor_id who)
{
    struct loop *l = loop_here;
    return l && id_loop(who) == l->index ? actor_lookup(l, who) : NULL;
}

const char *actor_name(const struct actor *self)
{
    return self->name ? self->name->key : self->type->name;
}

int actor_passivate(struct actor *self)
{
    assert(self->name);
    return self->first ? 0 : ACTOR_DONE;
}

actor_step *actor_failed_step(const struct actor *self)
{
    return loop_here->failing == self ? loop_here->failed_step : NULL;
}
