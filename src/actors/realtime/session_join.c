/*
 * What a connection has joined: from phx_join to the channel's answer, and every way out again. The
 * invariant: a membership is joining (join is set) or joined (topic is set), never both, and its
 * channel hears of every end but its own.
 */
#include <errno.h>
#include <stdlib.h>

#include "chan_mail.h"
#include "members.h"
#include "old.h"
#include "refusal.h"
#include "session.h"
#include "sql.h"
#include "stacgate/config.h"
#include "stacgate/db.h"
#include "ticket.h"
#include "unread.h"

#define JOIN_TRIES 3

static actor_step channel_down, tenant_known;

static struct membership *membership_add(struct session *s, const struct envelope *e)
{
    if (s->member_count == s->member_cap) {
        s->member_cap = (uint16_t)(s->member_cap ? s->member_cap * 2 : 1);
        s->members = xrealloc(s->members, s->member_cap * sizeof(*s->members));
    }
    struct membership *m = &s->members[s->member_count++];
    *m = (struct membership){.nonce = ++s->nonce};
    m->join = xcalloc(1, sizeof(*m->join) + e->topic.n + 1);
    memcpy(m->join->name, e->topic.p, e->topic.n);
    m->join_ref = e->join_ref.p ? xstrndup(e->join_ref.p, e->join_ref.n) : NULL;
    return m;
}

static void joining_end(struct membership *m)
{
    if (m->join)
        body_unref(m->join->mail);
    free(m->join);
    m->join = NULL;
}

void session_joined(struct session *s, struct membership *m, struct topic *t, uint8_t flags)
{
    joining_end(m);
    m->topic = t;
    m->sub = topic_add(t, (struct sub){s->conn, s, s->enc, flags});
}

void session_dropped(struct session *s, struct membership *m)
{
    bool watched = !m->channel && m->topic;

    if (m->topic)
        topic_remove(m->topic, m->sub);
    if (m->monitor)
        actor_cancel(s->self, m->monitor);
    if (watched)
        unread_unwatch(s);
    joining_end(m);
    free(m->join_ref);
    unsigned unanswered =
        m->in_flight; /* their channel is gone, or its answers find no membership any more */
    *m = s->members[--s->member_count];
    session_landed(s, unanswered);
}

void session_removed(struct session *s, struct membership *m, const char *event)
{
    if (is_old((enum encoding)s->enc)) {
        old_rejoin(s, m);
        return;
    }
    session_tell_end(s, m, event);
    session_dropped(s, m);
}

void session_leave(struct session *s, struct membership *m, enum leave_reason why)
{
    if (m->channel) {
        struct buf b = BUF_INIT;

        mp_put_array(&b, 2);
        mp_put_int(&b, m->nonce);
        mp_put_int(&b, why);
        actor_send_from(s->self, m->channel, CH_LEAVE, body_of(&b));
        buf_finish(&b);
    }
    session_dropped(s, m);
}

static struct body *join_mail(struct session *s, const struct membership *m,
                              const struct envelope *e)
{
    struct buf b = BUF_INIT;

    mp_put_array(&b, 8);
    mp_put_int(&b, m->nonce);
    mp_put_cstr(&b, m->join_ref);
    if (e->ref.p)
        mp_put_str(&b, e->ref.p, e->ref.n);
    else
        mp_put_nil(&b);
    mp_put_int(&b, s->enc);
    mp_put_bool(&b, s->lang);
    mp_put_str(&b, s->sid, 64);
    user_put(&b, s->who, channel_manage(e->topic));
    mp_put_raw(&b, e->payload);
    struct body *body = body_of(&b);
    buf_finish(&b);
    return body;
}

/* The topic as an envelope that refusals of a join can be written with. */
static struct envelope join_envelope(const struct membership *m)
{
    struct mp mail = body_mp(m->join->mail);

    return (struct envelope){.join_ref = str_of(m->join_ref),
                             .ref = mp_str(mp_at(mail, 2)),
                             .topic = membership_name(m)};
}

void session_join_refused(struct session *s, struct membership *m, enum reason reason)
{
    struct envelope e = join_envelope(m);

    session_refuse_for(s, &e, reason);
    session_dropped(s, m);
}

static void join_channel(struct session *s, struct membership *m, const char *tenant)
{
    m->channel = channel_whereis(tenant, str_of(m->join->name));
    if (!m->channel) {
        session_join_refused(s, m, REASON_not_found);
        return;
    }
    m->monitor = actor_monitor(s->self, m->channel, channel_down);
    actor_send_from(s->self, m->channel, CH_JOIN, body_ref(m->join->mail));
}

static int tenant_known(struct actor *self, void *state, const struct msg *m)
{
    struct session *s = state;
    struct membership *found = session_named(s, db_strv(m, 0, 0, 0));

    (void)self;
    if (!found || found->channel || !found->join)
        return 0; /* left meanwhile */
    if (db_null(m, 0, 0, 1))
        session_join_refused(s, found, REASON_not_found);
    else
        join_channel(s, found, db_text(m, 0, 0, 1));
    return 0;
}

/* A super_admin without a school: the database says in which tenant the topic is, to super_admins
 * only. */
static void find_tenant(struct session *s, struct membership *m)
{
    const char *colon = strchr(m->join->name, ':');
    struct db_group *g = db_group(DB_READ, &(struct db_context){.user_id = s->who->user_id});

    db_stmt(g, SQL_REALTIME_TENANT_OF);
    db_str(g, m->join->name);
    db_strn(g, m->join->name, (size_t)(colon - m->join->name));
    db_str(g, colon + 1);
    if (db_ask(s->self, g, 5000, tenant_known) < 0)
        session_join_refused(s, m, REASON_unavailable);
}

static void find_channel(struct session *s, struct membership *m)
{
    struct mp params = mp_at(body_mp(m->join->mail), 7);
    char tenant[TICKET_TENANT_MAX + 1];

    if (s->who->role == ROLE_SUPER_ADMIN &&
        ticket_tenant(mp_str(mp_get(params, "ticket")), s->who->user_id, m->join->name, tenant))
        join_channel(s, m, tenant);
    else if (s->who->role == ROLE_SUPER_ADMIN)
        find_tenant(s, m);
    else
        join_channel(s, m, s->who->establishment_id);
}

/* `user:`: one's own, without a channel: it carries what concerns one person, unnumbered. */
static void join_user(struct session *s, struct membership *m, const struct envelope *e)
{
    struct buf b = BUF_INIT, key = BUF_INIT;

    if (strcmp(m->join->name + strlen("user:"), s->who->user_id) != 0) {
        session_join_refused(s, m, REASON_not_found);
        return;
    }
    buf_printf(&key, "/%s", m->join->name);
    struct body *shared = body_of(&key);
    session_joined(s, m, topic_get(shared, 0), SUB_LIVE);
    body_unref(shared);
    buf_finish(&key);
    mp_put_map(&b, 2);
    mp_put_cstr(&b, "userId");
    mp_put_cstr(&b, s->who->user_id);
    mp_put_cstr(&b, "role");
    mp_put_cstr(&b, role_name(s->who->role));
    session_reply(s, e, value_mp(mp_view(b.data, b.len)));
    buf_finish(&b);
    unread_watch(s);
}

void session_join(struct session *s, const struct envelope *e)
{
    bool user = e->topic.n > 5 && memcmp(e->topic.p, "user:", 5) == 0;

    if (!user && !channel_manage(e->topic)) {
        session_refuse_for(s, e, REASON_unmatched_topic);
        return;
    }
    if (e->topic.n > TOPIC_MAX) {
        session_refuse_for(s, e, REASON_not_found);
        return;
    }
    struct membership *old = session_named(s, e->topic);
    if (old) {
        session_tell_end(s, old, "phx_close");
        session_leave(s, old,
                      LEFT_CUT); /* the same session comes back at once: others see nothing */
    }
    if (s->member_count >= config.topics_max) {
        session_refuse(s, e, &(struct refusal){.reason = REASON_rate_limited, .retry_after = 1});
        return;
    }
    struct membership *m = membership_add(s, e);
    m->join->mail = join_mail(s, m, e);
    if (user)
        join_user(s, m, e);
    else
        find_channel(s, m);
}

/* Ended while joining: it had gone idle just then, so it is activated again. Ended while joined: it
 * failed; the client rejoins. */
static int channel_down(struct actor *self, void *state, const struct msg *msg)
{
    struct session *s = state;

    (void)self;
    for (unsigned i = s->member_count; i-- > 0;) {
        struct membership *m = &s->members[i];

        if (m->channel != msg->from)
            continue;
        m->monitor = 0;
        if (m->topic) {
            session_removed(s, m, "phx_error");
        } else if (++m->join->tries > JOIN_TRIES) {
            session_join_refused(s, m, REASON_unavailable);
        } else {
            m->channel = 0;
            find_channel(s, m);
        }
    }
    return 0;
}
