/*
 * Who is here, as stock Phoenix clients read it: one meta a connection, diffs gathered for 100 ms,
 * the list encoded once for all who came within them. The invariant: `told` members are exactly
 * those whose meta the others were shown.
 */
#include <stdlib.h>

#include "chan.h"
#include "figures.h"
#include "stacgate/config.h"

#define TICK_MS 100
#define CALM_MS 80       /* without a join: then those who came get the list … */
#define CALM_MAX_MS 1000 /* … at the latest after this, while a whole class is coming in */
#define RETRY_MS 500

struct departure {
    struct departure *next; /* links presence.left: the first of each user */
    struct departure *same; /* more of this user */
    uint32_t count;         /* of them, this one included */
    enum role role;
    char *user_id;
    struct body *meta;
};

static actor_step tick;

static void arm(struct channel *c, int64_t delay)
{
    struct presence *p = &c->presence;
    int64_t due = loop_now() + delay;

    if (p->due_ms && p->due_ms <= due)
        return;
    if (p->timer)
        actor_cancel(c->self, p->timer);
    p->due_ms = due;
    p->timer = actor_after(c->self, (uint32_t)(delay > 0 ? delay : 1), tick);
}

/* ---- metas ---- */

static void put_ref(struct buf *b, const struct channel *c, uint64_t ref)
{
    char text[48];
    int n = snprintf(text, sizeof(text), "%llx.%llx", (long long)c->fence, (long long)ref);

    mp_put_str(b, text, (size_t)n);
}

const char *member_shown_role(const struct channel *c, const struct user *u)
{
    if (c->kind->role)
        return c->kind->role(c, u);
    return u->belongs != MEMBER_NONE ? member_role_name(u->belongs) : role_name(u->role);
}

static void put_meta(struct buf *b, const struct channel *c, const struct member *m, uint64_t ref,
                     uint64_t prev)
{
    const char *first = user_name(m->user, NAME_FIRST), *last = user_name(m->user, NAME_LAST);
    char name[300];
    int n = snprintf(name, sizeof(name), "%s%s%s", first, *first && *last ? " " : "", last);
    size_t len = n < (int)sizeof(name) ? (size_t)n : sizeof(name) - 1;

    while (!utf8_valid(name, len)) /* cut inside a character */
        len--;
    mp_put_map(b, prev ? 6 : 5);
    mp_put_cstr(b, "phx_ref");
    put_ref(b, c, ref);
    if (prev) {
        mp_put_cstr(b, "phx_ref_prev");
        put_ref(b, c, prev);
    }
    mp_put_cstr(b, "online_at");
    mp_put_int(b, m->online_at);
    mp_put_cstr(b, "name");
    mp_put_str(b, name, len);
    mp_put_cstr(b, "role");
    mp_put_cstr(b, member_shown_role(c, m->user));
    mp_put_cstr(b, "status");
    mp_put_cstr(b, m->status ? m->status : "online");
}

static void depart(struct channel *c, const struct member *m, uint64_t ref)
{
    struct departure *d = xcalloc(1, sizeof(*d));
    struct buf b = BUF_INIT;

    put_meta(&b, c, m, ref, 0);
    d->user_id = xstrdup(m->user->id);
    d->role = m->user->role;
    d->meta = body_of(&b);
    d->count = 1;
    buf_finish(&b);
    struct departure *first = table_get(&c->presence.left_by_user, d->user_id, strlen(d->user_id));
    if (first) {
        first->count++;
        d->same = first->same;
        first->same = d;
        return;
    }
    table_put(&c->presence.left_by_user, d->user_id, strlen(d->user_id), d);
    d->next = c->presence.left;
    c->presence.left = d;
}

static void departures_finish(struct presence *p)
{
    table_finish(&p->left_by_user);
    for (struct departure *d = p->left, *next; d; d = next) {
        next = d->same ? d->same : d->next;
        if (d->same)
            d->same->next = d->next;
        free(d->user_id);
        body_unref(d->meta);
        free(d);
    }
    p->left = NULL;
}

/* ---- what happens ---- */

static void ungone(struct presence *p, struct member *m)
{
    *(m->prev_gone ? &m->prev_gone->next_gone : &p->gone) = m->next_gone;
    *(m->next_gone ? &m->next_gone->prev_gone : &p->gone_last) = m->prev_gone;
    m->grace_until = 0;
}

void presence_came(struct channel *c, struct member *m, bool resumed)
{
    (void)resumed;
    if (!m->phx_ref) { /* not one that came back in time */
        m->phx_ref = ++c->presence.next_ref;
        m->online_at = wall_ms() / 1000;
        c->presence.dirty = true;
    }
    c->presence.joined_ms = loop_now();
    if (!c->presence.waiting_ms)
        c->presence.waiting_ms = loop_now();
    presence_wanted(c);
}

void presence_went(struct channel *c, struct member *m)
{
    if (m->grace_until)
        ungone(&c->presence, m);
    if (m->told && !m->prev_ref &&
        !c->presence.counting) /* with prev_ref, the ref that others know has left already */
        depart(c, m, m->phx_ref);
    c->presence.dirty = true;
    arm(c, TICK_MS);
}

void presence_wanted(struct channel *c)
{
    c->presence.wanted = true;
    arm(c, TICK_MS);
}

void presence_retry(struct channel *c)
{
    c->presence.wanted = true;
    arm(c, RETRY_MS);
}

void presence_update(struct channel *c, struct member *m, struct str status)
{
    if (m->told && !m->prev_ref) {
        m->prev_ref = m->phx_ref;
        depart(c, m, m->phx_ref);
    }
    if (status.p) {
        free(m->status);
        m->status = xstrndup(status.p, status.n);
    }
    m->phx_ref = ++c->presence.next_ref;
    c->presence.dirty = true;
    arm(c, TICK_MS);
}

void presence_grace(struct channel *c, struct member *m)
{
    struct presence *p = &c->presence;

    m->grace_until = loop_now() + config.grace;
    m->next_gone = NULL;
    m->prev_gone = p->gone_last;
    if (p->gone)
        p->gone_last->next_gone = m;
    else
        p->gone = m;
    p->gone_last = m;
    arm(c, p->gone->grace_until - loop_now());
}

struct member *presence_take_over(struct channel *c, struct user *u, uint64_t sid_hash)
{
    for (struct member *m = u->members; m; m = m->next_of_user)
        if (m->grace_until && m->sid_hash == sid_hash) {
            ungone(&c->presence, m);
            return m;
        }
    return NULL;
}

static void graces_end(struct channel *c)
{
    struct presence *p = &c->presence;

    while (p->gone && p->gone->grace_until <= loop_now()) {
        struct member *m = p->gone;

        presence_went(c, m);
        members_remove(&c->members, m);
    }
}

/* ---- what is told ---- */

/* The metas of one user that are new since the last diff. 0: none. */
static uint32_t put_joins_of(struct buf *b, const struct channel *c, const struct user *u)
{
    uint32_t n = 0;

    for (const struct member *m = u->members; m; m = m->next_of_user)
        n += !m->told || m->prev_ref;
    if (n == 0 || !b)
        return n;
    mp_put_cstr(b, u->id);
    mp_put_map(b, 1);
    mp_put_cstr(b, "metas");
    mp_put_array(b, n);
    for (const struct member *m = u->members; m; m = m->next_of_user)
        if (!m->told || m->prev_ref)
            put_meta(b, c, m, m->phx_ref, m->told ? m->prev_ref : 0);
    return n;
}

static void put_leaves_of(struct buf *b, const struct departure *d)
{
    mp_put_cstr(b, d->user_id);
    mp_put_map(b, 1);
    mp_put_cstr(b, "metas");
    mp_put_array(b, d->count);
    for (; d; d = d->same)
        mp_put_raw(b, body_mp(d->meta));
}

static bool put_diff(struct buf *b, const struct channel *c)
{
    const struct presence *p = &c->presence;
    const struct user *u;
    uint32_t joins = 0;

    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        joins += put_joins_of(NULL, c, u) != 0;
    if (joins + p->left_by_user.count == 0)
        return false;
    mp_put_map(b, 2);
    mp_put_cstr(b, "joins");
    mp_put_map(b, joins);
    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        put_joins_of(b, c, u);
    mp_put_cstr(b, "leaves");
    mp_put_map(b, p->left_by_user.count);
    for (const struct departure *d = p->left; d; d = d->next)
        put_leaves_of(b, d);
    return true;
}

static void put_state(struct buf *b, const struct channel *c)
{
    const struct user *u;
    uint32_t users = 0, n;

    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        users += u->members != NULL;
    mp_put_map(b, users);
    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));) {
        if (!u->members)
            continue;
        n = 0;
        for (const struct member *m = u->members; m; m = m->next_of_user)
            n++;
        mp_put_cstr(b, u->id);
        mp_put_map(b, 1);
        mp_put_cstr(b, "metas");
        mp_put_array(b, n);
        for (const struct member *m = u->members; m; m = m->next_of_user)
            put_meta(b, c, m, m->phx_ref, 0);
    }
}

static void encode(struct channel *c, struct body *out[ENCODINGS], const char *event,
                   const struct buf *payload)
{
    struct buf wire = BUF_INIT;

    for (int e = 0; e < ENVELOPES; e++) {
        if (c->members.by_enc[e] == 0)
            continue;
        envelope_wire(&wire, (enum encoding)e, (struct str){0}, (struct str){0}, channel_topic(c),
                      str_of(event), value_mp(mp_view(payload->data, payload->len)));
        out[e] = body_of(&wire);
    }
    buf_finish(&wire);
}

static void tell(struct channel *c, struct body *wire[ENCODINGS], struct body *state[ENCODINGS],
                 uint8_t flags)
{
    bool any = false;

    for (int e = 0; e < ENCODINGS; e++)
        any = any || wire[e] || state[e];
    figures_encoded(WS_PRESENCE, wire);
    figures_encoded(WS_PRESENCE, state);
    for (unsigned loop = 0; any && loop < loop_count(); loop++) {
        struct hub_msg *h;

        if (c->members.by_loop[loop] == 0)
            continue;
        struct body *b = hub_msg(&h);
        h->key = body_ref(c->key);
        h->flags = flags;
        for (int e = 0; e < ENCODINGS; e++) {
            h->wire[e] = body_ref(wire[e]);
            h->state[e] = body_ref(state[e]);
        }
        hub_send(loop, HUB_PRESENCE, b);
    }
    for (int e = 0; e < ENCODINGS; e++) {
        body_unref(wire[e]);
        body_unref(state[e]);
    }
}

/* Old clients count people, not connections. */
static void tell_old(struct channel *c)
{
    const struct user *u;

    for (const struct departure *d = c->presence.left; d; d = d->next) {
        u = members_find_user(&c->members, str_of(d->user_id));
        if (!u || !u->members)
            old_tell_left(c, d->user_id, mp_str(mp_get(body_mp(d->meta), "name")), d->role);
    }
    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));) {
        bool known = table_get(&c->presence.left_by_user, u->id, strlen(u->id)) || !u->members;

        for (const struct member *m = u->members; m && !known; m = m->next_of_user)
            known = m->told;
        if (!known)
            old_tell_joined(c, u);
    }
}

static void all_told(struct channel *c)
{
    struct member *m;

    for (uint32_t i = 0; (m = table_each(&c->members.by_key, &i));) {
        m->told = true;
        m->prev_ref = 0;
    }
    departures_finish(&c->presence);
}

static void tell_count(struct channel *c)
{
    struct body *wire[ENCODINGS] = {0}, *none[ENCODINGS] = {0};
    struct buf b = BUF_INIT;

    mp_put_map(&b, 1);
    mp_put_cstr(&b, "count");
    mp_put_int(&b, c->members.count);
    encode(c, wire, "presence_count", &b);
    tell(c, wire, none, PRESENCE_COUNT);
    buf_finish(&b);
}

/*
 * While many come in one after the other, the list waits until they have come: until then nobody
 * who waits for it needs their diffs, and each of them gets one list instead of one and a diff of
 * every 100 ms.
 */
static bool still_coming(const struct channel *c)
{
    const struct presence *p = &c->presence;

    return loop_now() - p->joined_ms < CALM_MS && p->waiting_ms &&
           loop_now() - p->waiting_ms < CALM_MAX_MS;
}

static void tell_list(struct channel *c, bool with_state)
{
    struct body *diff[ENCODINGS] = {0}, *state[ENCODINGS] = {0};
    struct buf b = BUF_INIT;
    bool late = loop_now() - c->opened_ms >= (int64_t)config.grace;

    if (c->presence.dirty && put_diff(&b, c))
        encode(c, diff, "presence_diff", &b);
    buf_clear(&b);
    if (with_state) {
        put_state(&b, c);
        encode(c, state, "presence_state", &b);
        c->presence.waiting_ms = 0;
    }
    tell(c, diff, state, late ? PRESENCE_DEFERRED_TOO : 0);
    buf_finish(&b);
}

static int tick(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;
    struct presence *p = &c->presence;

    (void)self;
    (void)m;
    p->timer = 0;
    p->due_ms = 0;
    graces_end(c);
    if (c->kind->counts || c->members.count > config.presence_full)
        p->counting = true;
    else if (p->counting && c->members.count < config.presence_full / 10 * 9)
        p->counting = false, p->wanted = true;
    if (c->kind->unnumbered) {
        if (p->dirty && old_here(c))
            tell_old(c);
        all_told(c);
        p->dirty = p->wanted = false;
    }
    if (p->dirty || p->wanted) {
        bool wait = !p->counting && p->wanted && still_coming(c);

        p->counting ? tell_count(c) : tell_list(c, p->wanted && !wait);
        if (p->dirty && !p->counting && old_here(c))
            tell_old(c);
        all_told(c);
        p->dirty = false;
        p->wanted = wait;
    }
    if (p->timer) /* armed by a grace that ended just now: told already */
        actor_cancel(c->self, p->timer);
    p->timer = 0;
    p->due_ms = 0;
    if (p->wanted)
        arm(c, TICK_MS);
    if (p->gone)
        arm(c, p->gone->grace_until - loop_now());
    return 0;
}

void presence_finish(struct channel *c)
{
    departures_finish(&c->presence);
}
