/*
 * The hub of a loop: topics, their subscribers, and the messages by which channels reach them. The
 * invariant: a subscriber is in its topic's list exactly while its session's membership names the
 * topic, and list index and membership agree.
 */
#include "hub.h"
#include "census.h"

#include <assert.h>
#include <stdlib.h>

#include "chan_mail.h"
#include "figures.h"
#include "kin.h"
#include "rooms.h"
#include "session.h"
#include "stacgate/config.h"
#include "unread.h"

struct hub {
    struct table topics; /* by key */
    struct table users;  /* user id → first session, linked by next_of_user */
};
static struct hub hubs[LOOPS_MAX]; /* each touched by its own loop only */

static struct hub *hub(void)
{
    return &hubs[loop_index()];
}

struct str topic_name(struct str key)
{
    const char *slash = memchr(key.p, '/', key.n);

    assert(slash);
    return (struct str){slash + 1, key.n - (size_t)(slash + 1 - key.p)};
}

struct topic *topic_get(struct body *key, actor_id channel)
{
    struct topic *t = table_get(&hub()->topics, (const char *)key->bytes, key->len);

    if (!t) {
        t = xcalloc(1, sizeof(*t));
        t->key = body_ref(key);
        table_put(&hub()->topics, (const char *)t->key->bytes, t->key->len, t);
        tally_add(&figures->topics, 1);
    }
    t->channel = channel;
    return t;
}

uint32_t topic_add(struct topic *t, struct sub sub)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 4;
        t->subs = xrealloc(t->subs, t->cap * sizeof(*t->subs));
    }
    t->subs[t->count] = sub;
    tally_add(&figures->memberships, 1);
    return t->count++;
}

static struct membership *membership_in(struct session *s, const struct topic *t)
{
    for (unsigned i = 0; i < s->member_count; i++)
        if (s->members[i].topic == t)
            return &s->members[i];
    return NULL;
}

void topic_remove(struct topic *t, uint32_t index)
{
    assert(index < t->count);
    t->count--;
    tally_sub(&figures->memberships, 1);
    if (index != t->count) {
        t->subs[index] = t->subs[t->count];
        struct membership *moved = membership_in(t->subs[index].session, t);
        assert(moved);
        moved->sub = index;
    }
    if (t->count)
        return;
    table_remove(&hub()->topics, (const char *)t->key->bytes, t->key->len);
    tally_sub(&figures->topics, 1);
    body_unref(t->key);
    free(t->subs);
    free(t);
}

static void hub_msg_drop(struct body *b)
{
    struct hub_msg *m = (struct hub_msg *)b->bytes;

    body_unref(m->key);
    body_unref(m->not_user);
    for (int e = 0; e < ENCODINGS; e++) {
        body_unref(m->wire[e]);
        body_unref(m->state[e]);
    }
    free(b);
}

struct body *hub_msg(struct hub_msg **ret)
{
    struct body *b = body_alloc(sizeof(struct hub_msg));

    b->drop = hub_msg_drop;
    memset(b->bytes, 0, sizeof(struct hub_msg));
    *ret = (struct hub_msg *)b->bytes;
    return b;
}

void hub_send(unsigned loop, enum hub_kind kind, struct body *msg)
{
    actor_send(loop_actor(loop, HUB_ACTOR), (msg_kind)kind, msg);
}

/* ---- what arrives ---- */

static struct sub *sub_of(const struct membership *m)
{
    return &m->topic->subs[m->sub];
}

static void joined(const struct hub_msg *h)
{
    struct session *s = session_here(h->session);
    struct membership *m = s ? session_membership(s, h->nonce) : NULL;

    if (!m || !m->join || m->channel != h->channel)
        return; /* left meanwhile; the channel knows from the leave that followed */
    if (h->wire[s->enc])
        session_tell(s, body_ref(h->wire[s->enc]), WS_CONTROL);
    if (!h->ok) {
        session_dropped(s, m);
        return;
    }
    session_joined(s, m, topic_get(h->key, h->channel), h->flags);
}

static void send_one(const struct hub_msg *h)
{
    struct session *s = session_here(h->session);
    struct membership *m = s ? session_membership(s, h->nonce) : NULL;

    if (!s)
        return;
    if (h->wire[s->enc]) {
        tally_add(&figures->delivered[h->lane], 1);
        tally_add(&figures->delivered_bytes[h->lane], h->wire[s->enc]->len);
        session_tell(s, body_ref(h->wire[s->enc]), h->lane);
    }
    if (m && m->topic) {
        sub_of(m)->flags |= h->flags;
        if (h->more)
            session_pull(s, m);
    }
    if (h->replies && m) /* last: the last answer may let a drained connection close */
        session_answered(s, m, h->replies);
}

static bool is_user(const struct sub *sub, const struct body *user_id)
{
    return str_is((struct str){(const char *)user_id->bytes, user_id->len},
                  sub->session->who->user_id);
}

static bool is_meant(const struct sub *sub, const struct hub_msg *h)
{
    const struct identity *who = sub->session->who;

    return (!h->roles || h->roles >> who->role & 1) &&
           (!h->permission || identity_can(who, h->permission));
}

/* What became of a frame on the queues of a topic's members; counted once they all have it. */
struct told {
    uint64_t frames, bytes, refused;
};

static bool tell_one(struct told *t, struct conn *conn, struct frame *f)
{
    bool queued = ws_send(conn, f);

    t->frames += queued;
    t->bytes += queued ? f->len : 0;
    t->refused += !queued;
    return queued;
}

static void count_told(enum ws_lane lane, const struct told *t)
{
    tally_add(&figures->published, 1);
    tally_add(&figures->delivered[lane], t->frames);
    tally_add(&figures->delivered_bytes[lane], t->bytes);
    tally_add(&figures->dropped[lane], t->refused);
}

static void count_spared(const struct topic *t, const struct told *told)
{
    struct str key = topic_key(t);
    const char *slash = memchr(key.p, '/', key.n);

    if (told->refused)
        rooms_count((struct str){key.p, (size_t)(slash - key.p)}, LIVE_DROPPED, told->refused);
}

/* The hot path: one reference a member, nothing else. */
static void publish(const struct hub_msg *h)
{
    const struct session *sender = h->session ? session_here(h->session) : NULL;
    struct topic *t = table_get(&hub()->topics, (const char *)h->key->bytes, h->key->len);
    struct frame *frames[ENCODINGS] = {0};
    struct told told = {0};
    bool some = h->roles || h->permission;

    if (!t)
        return;
    for (int e = 0; e < ENCODINGS; e++)
        if (h->wire[e])
            frames[e] = frame_make(body_ref(h->wire[e]), h->lane);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct sub *sub = &t->subs[i];

        if (!(sub->flags & SUB_LIVE) || !frames[sub->enc])
            continue;
        if (some && !is_meant(sub, h))
            continue;
        if (sub->session == sender || (h->not_user && is_user(sub, h->not_user)))
            continue;
        tell_one(&told, sub->conn, frames[sub->enc]);
    }
    count_told((enum ws_lane)h->lane, &told);
    count_spared(t, &told);
    for (int e = 0; e < ENCODINGS; e++)
        frame_unref(frames[e]);
}

/* A member whose presence frame was dropped has an old list: it gets the whole list when its queue
 * is short again. */
static void presence_to(struct sub *sub, struct frame *diff, struct frame *state,
                        const struct hub_msg *h, struct told *told)
{
    bool deferred = (sub->flags & SUB_DEFERRED) && !(h->flags & PRESENCE_DEFERRED_TOO);

    if (h->flags & PRESENCE_COUNT) {
        sub->flags &= (uint8_t) ~(SUB_STATE | SUB_DEFERRED);
        if (diff)
            tell_one(told, sub->conn, diff);
    } else if (sub->flags & SUB_STATE) {
        if (diff && !tell_one(told, sub->conn, diff))
            sub->flags &= (uint8_t)~SUB_STATE;
    } else if (state && !deferred && tell_one(told, sub->conn, state)) {
        sub->flags = (uint8_t)((sub->flags & ~SUB_DEFERRED) | SUB_STATE);
    }
}

static void presence(const struct hub_msg *h)
{
    struct topic *t = table_get(&hub()->topics, (const char *)h->key->bytes, h->key->len);
    struct frame *diff[ENCODINGS] = {0}, *state[ENCODINGS] = {0};
    struct told told = {0};
    uint32_t without = 0;

    if (!t)
        return;
    for (int e = 0; e < ENCODINGS; e++) {
        if (h->wire[e])
            diff[e] = frame_make(body_ref(h->wire[e]), WS_PRESENCE);
        if (h->state[e])
            state[e] = frame_make(body_ref(h->state[e]), WS_PRESENCE);
    }
    for (uint32_t i = 0; i < t->count; i++) {
        struct sub *sub = &t->subs[i];

        if (is_old((enum encoding)sub->enc))
            continue;
        if (sub->flags & SUB_LIVE)
            presence_to(sub, diff[sub->enc], state[sub->enc], h, &told);
        without += !(h->flags & PRESENCE_COUNT) && !(sub->flags & SUB_STATE);
    }
    count_told(WS_PRESENCE, &told);
    count_spared(t, &told);
    if (without &&
        t->channel) /* dropped, deferred or in replay: the channel asks again a little later */
        actor_send(t->channel, CH_STATE_WANTED, NULL);
    for (int e = 0; e < ENCODINGS; e++) {
        frame_unref(diff[e]);
        frame_unref(state[e]);
    }
}

static void removed(const struct hub_msg *h)
{
    struct session *s = session_here(h->session);
    struct membership *m = s ? session_membership(s, h->nonce) : NULL;

    if (m)
        session_removed(s, m, h->ended);
}

static int hub_receive(struct actor *self, void *state, const struct msg *m)
{
    const struct hub_msg *h = m->body ? (const struct hub_msg *)m->body->bytes : NULL;

    (void)self;
    (void)state;
    switch ((enum hub_kind)m->kind) {
    case HUB_JOINED:
        joined(h);
        break;
    case HUB_SEND:
        send_one(h);
        break;
    case HUB_PUBLISH:
        publish(h);
        break;
    case HUB_PRESENCE:
        presence(h);
        break;
    case HUB_REMOVE:
        removed(h);
        break;
    case HUB_KIN:
        kin_heard(body_mp(m->body));
        break;
    case HUB_FIGURES:
        actor_reply(m, 0, rooms_figures(body_mp(m->body)));
        break;
    case HUB_ROOM:
        actor_reply(m, 0,
                    rooms_room(mp_at(body_mp(m->body), 0), mp_at(body_mp(m->body), 1),
                               mp_bool(mp_at(body_mp(m->body), 2), false)));
        break;
    case HUB_ACTIVITY:
        unread_activity(body_mp(m->body));
        break;
    }
    return 0;
}

const struct actor_type hub_type = {
    .name = "hub",
    .mailbox_max =
        UINT32_MAX, /* only channels and services write here, each bounded by its members */
    .receive = hub_receive,
};

/* ---- sockets of a user ---- */

struct session *hub_user_sessions(const char *user_id)
{
    return table_get(&hub()->users, user_id, strlen(user_id));
}

void hub_session_opened(struct session *s)
{
    const char *id = s->who->user_id;

    s->next_of_user = hub_user_sessions(id);
    table_put(&hub()->users, id, strlen(id),
              s); /* the key is of the newest: its identity outlives the entry */
    tally_add(&figures->sessions[s->enc], 1);
    census_opened(s->who->establishment_id, s->who->user_id);
}

void hub_each_session(void (*each)(struct session *s, void *arg), void *arg)
{
    struct session *s, *next;

    for (uint32_t i = 0; (s = table_each(&hub()->users, &i));)
        for (; s; s = next) {
            next = s->next_of_user;
            each(s, arg);
        }
}

void hub_session_closed(struct session *s)
{
    const char *id = s->who->user_id;
    struct session *first = hub_user_sessions(id), **at = &first;

    while (*at && *at != s)
        at = &(*at)->next_of_user;
    if (!*at)
        return;
    *at = s->next_of_user;
    table_remove(&hub()->users, id, strlen(id));
    if (first)
        table_put(&hub()->users, first->who->user_id, strlen(first->who->user_id), first);
    tally_sub(&figures->sessions[s->enc], 1);
    census_closed(s->who->establishment_id, s->who->user_id);
}

void hub_finish(void)
{
    assert(hub()->topics.count == 0);
    table_finish(&hub()->topics);
    table_finish(&hub()->users);
    hub()->topics = hub()->users = TABLE_INIT;
}
