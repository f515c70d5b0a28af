/*
 * The real-time floor as the rest of the server sees it: its route, its service on each loop (the
 * hub, the sweep, the drain's pace), and what services may tell a user.
 */
#include "stacgate/channel.h"

#include <errno.h>

#include "chan.h"
#include "figures.h"
#include "kin.h"
#include "longpoll.h"
#include "rooms.h"
#include "scratch.h"
#include "session.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"
#include "stacgate/log.h"
#include "stacgate/maintenance.h"
#include "ticket.h"
#include "unread.h"
#include "wake.h"

#define LONGPOLL_BODY_MAX (1u << 20) /* a batch of a hundred messages, as a rule */
#define SWEEP_MS 250
#define EXPIRE_MS 750      /* so that an end is noticed within a second */
#define DRAIN_PACE_MIN 100 /* sockets a second, of the process … */
#define DRAIN_SECONDS 8    /* … more when all would not be closed in that time */

extern const struct actor_type channel_type;

struct pulse { /* one a loop */
    uv_timer_t timer;
    int64_t touched_ms, expired_ms;
    double drain_rate; /* sockets this loop closes a second; 0: it does not drain */
    double drain_due;  /* sockets that may be closed by now */
};
static struct pulse pulses[LOOPS_MAX];

const struct http_route realtime_routes[] = {
    {HTTP_M_GET, "/socket/websocket", session_enter, NULL, 0, true},
    {HTTP_M_GET, "/socket/longpoll", longpoll_enter, NULL, 0, false},
    {HTTP_M_POST, "/socket/longpoll", longpoll_enter, NULL, LONGPOLL_BODY_MAX, false},
    {HTTP_M_OPTIONS, "/socket/longpoll", longpoll_preflight, NULL, 0, false},
    {HTTP_M_GET, "/ws/collaboration", session_enter_collab, NULL, 0, true},
    {HTTP_M_GET, "/ws", session_enter_flat, NULL, 0, true},
};
const unsigned realtime_route_count = sizeof(realtime_routes) / sizeof(realtime_routes[0]);

/* ---- telling a user ---- */

static struct body *user_message(const char *user_id, const char *event, struct mp payload)
{
    struct buf key = BUF_INIT, wire = BUF_INIT;
    struct hub_msg *h;
    struct body *b = hub_msg(&h);

    buf_printf(&key, "/user:%s", user_id);
    h->key = body_of(&key);
    h->lane = WS_DURABLE;
    for (int e = 0; e < ENVELOPES; e++) {
        envelope_wire(&wire, (enum encoding)e, (struct str){0}, (struct str){0},
                      topic_name((struct str){(char *)h->key->bytes, h->key->len}), str_of(event),
                      value_mp(payload));
        h->wire[e] = body_of(&wire);
    }
    figures_encoded(WS_DURABLE, h->wire);
    buf_finish(&key);
    buf_finish(&wire);
    return b;
}

void user_tell(const char *user_id, const char *event, struct mp payload)
{
    struct body *b = user_message(user_id, event, payload);

    for (unsigned loop = 0; loop < loop_count(); loop++)
        hub_send(loop, HUB_PUBLISH, body_ref(b));
    body_unref(b);
}

void user_tell_here(const char *user_id, const char *event, struct mp payload)
{
    hub_send(loop_index(), HUB_PUBLISH, user_message(user_id, event, payload));
}

static bool copy_text(struct str s, char out[65])
{
    if (s.n == 0 || s.n > 64)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return true;
}

/* [event, payload] for a channel. */
static struct body *told_mail(struct mp what)
{
    struct buf b = BUF_INIT;

    mp_put_array(&b, 2);
    mp_put_raw(&b, mp_get(what, "event"));
    mp_put_raw(&b, mp_get(what, "payload"));
    struct body *mail = body_of(&b);
    buf_finish(&b);
    return mail;
}

/* Others wrote what this channel holds, or tell its members. One that is not in memory has nobody
 * to tell and reads when it is wanted, unless something was said that is to be numbered now. */
static void channel_wake(struct mp what)
{
    struct str topic = mp_str(mp_get(what, "topic"));
    char tenant[65], name[TOPIC_MAX + 70];

    if (!copy_text(mp_str(mp_get(what, "tenant")), tenant))
        return;
    snprintf(name, sizeof(name), "%s/%.*s", tenant, (int)topic.n, topic.p);
    bool says = mp_bool(mp_get(what, "says"), false), tells = mp_get(what, "event").p != NULL;
    actor_id who = says ? channel_whereis(tenant, topic) : actor_find("channel", name);
    if (who)
        actor_send(who, tells ? CH_TELL : CH_LOOK, tells ? told_mail(what) : NULL);
}

void users_tell(struct str json)
{
    struct buf b = BUF_INIT;
    const char *why;
    size_t at;

    if (json.p && json_to_mp(json.p, json.n, &b, &why, &at) == 0)
        for (struct mp_iter it = mp_iter(mp_view(b.data, b.len)); mp_next(&it);) {
            char user[65], event[65];
            if (mp_get(it.value, "topic").p)
                channel_wake(it.value);
            else if (copy_text(mp_str(mp_get(it.value, "userId")), user) &&
                     copy_text(mp_str(mp_get(it.value, "event")), event))
                user_tell(user, event, mp_get(it.value, "payload"));
        }
    buf_finish(&b);
}

/* ---- sessions that end ---- */

static void changed_for_many(struct session *s, void *arg)
{
    const struct session_end *e = arg;

    if (*e->school ? strcmp(s->who->establishment_id, e->school) == 0 : s->who->role == e->role)
        session_look_again(s);
}

static void ended(const struct session_end *e)
{
    struct session *next;
    struct session_end many = *e;

    if (e->everyone) {
        hub_each_session(changed_for_many, &many);
        return;
    }
    for (struct session *s = hub_user_sessions(e->user_id); s; s = next) {
        next = s->next_of_user;
        if (e->changed)
            session_look_again(s);
        else if (*e->sid ? strcmp(s->sid, e->sid) == 0 : !*e->but || strcmp(s->sid, e->but) != 0)
            session_revoke(s, e->code);
    }
}

/* ---- the sweep and the drain ---- */

static void touch_one(struct session *s, void *arg)
{
    int64_t now = *(int64_t *)arg;

    if (!s->expires_ms || now < s->expires_ms)
        identity_touch(s->sid);
}

static void expire_one(struct session *s, void *arg)
{
    if (s->expires_ms && *(int64_t *)arg >= s->expires_ms)
        session_look_again(s);
}

static void drain_one(struct session *s, void *arg)
{
    struct pulse *p = arg;

    if (p->drain_due < 1 || s->draining || !(runtime_draining() || maintenance_refuses(s->who)))
        return;
    p->drain_due -= 1;
    session_drain(s);
}

/* This loop's share of the sockets that the process closes a second. */
static double drain_rate(uint64_t here)
{
    struct figures f;
    double all = 0;

    for (unsigned loop = 0; loop < loop_count(); loop++) {
        figures_read(loop, &f);
        all += (double)figures_sessions(&f);
    }
    double rate = all / DRAIN_SECONDS > DRAIN_PACE_MIN ? all / DRAIN_SECONDS : DRAIN_PACE_MIN;
    return all > 0 ? rate * (double)here / all : rate;
}

static void drain_some(struct pulse *p)
{
    if (p->drain_rate == 0)
        p->drain_rate = drain_rate(figures_sessions(figures));
    p->drain_due += p->drain_rate * SWEEP_MS / 1000.0;
    hub_each_session(drain_one, p);
    if (p->drain_due > 1 + p->drain_rate) /* nobody is left: later ones are not owed a burst */
        p->drain_due = 1 + p->drain_rate;
}

static void pulse_tick(uv_timer_t *t)
{
    struct pulse *p = t->data;

    int64_t now = wall_ms();

    unread_sweep();
    if (runtime_draining() || maintenance_on())
        drain_some(p);
    else
        p->drain_rate = p->drain_due = 0;
    if (loop_now() - p->expired_ms >= EXPIRE_MS) {
        p->expired_ms = loop_now();
        hub_each_session(expire_one, &now);
    }
    if (loop_now() - p->touched_ms >= (int64_t)config.session_touch) {
        p->touched_ms = loop_now();
        hub_each_session(touch_one, &now);
    }
}

static int realtime_start(unsigned loop)
{
    struct pulse *p = &pulses[loop];
    figures_begin();
    actor_id hub = actor_spawn(&hub_type, NULL), polls = actor_spawn(&longpoll_type, NULL);

    if (!hub || !polls)
        return -ENOMEM;
    loop_set_actor(HUB_ACTOR, hub);
    loop_set_actor(LONGPOLL_ACTOR, polls);
    if (loop == 0 && !actor_spawn(&wake_type, NULL))
        return -ENOMEM;
    *p = (struct pulse){.touched_ms = loop_now()};
    uv_timer_init(loop_uv(), &p->timer);
    p->timer.data = p;
    return uv_timer_start(&p->timer, pulse_tick, SWEEP_MS, SWEEP_MS);
}

static void realtime_stop(unsigned loop)
{
    uv_close((uv_handle_t *)&pulses[loop].timer, NULL);
    hub_finish();
    longpoll_finish();
    unread_finish();
    kin_finish();
    rooms_finish();
    refused_finish();
    scratch_finish();
}

const struct loop_service realtime_service = {
    .name = "realtime", .start = realtime_start, .stop = realtime_stop};

void realtime_setup(void)
{
    ticket_setup();
    actor_kind("channel", &channel_type);
    assessment_setup();
    identity_watch(ended);
}
