/*
 * The ephemeral lane of a channel: what is worth knowing only now. Its members get one frame a
 * tick, the same for all; what a frame takes and when the next may go is lane.c's. Nothing here is
 * stored, numbered or answered.
 */
#include "chan.h"
#include "rooms.h"

static actor_step ephemeral_tick;

const char typing_event[] = "typing", cursor_event[] = "cursor";

void ephemeral_finish(struct channel *c)
{
    lane_finish(&c->lane);
}

/* Old clients do not skip their own: to them it goes sender by sender. */
static void tell_old(struct channel *c, const struct says *said)
{
    for (const struct says *s = said; s; s = s->next)
        old_tell_said(c, s->event, says_user(s), body_mp(s->value), s->from);
}

/* Compressed members count with the plain length: what it shrinks to is known too late. */
static void send_frame(struct channel *c)
{
    const uint32_t *members = c->members.by_enc;
    bool in_json = members[ENC_JSON] + members[ENC_JSON_DEFLATED] > 0,
         in_mp = members[ENC_MP] + members[ENC_MP_DEFLATED] > 0;
    struct buf json = BUF_INIT, mp = BUF_INIT;
    struct says *said = lane_take(&c->lane, in_json ? &json : NULL, in_mp ? &mp : NULL);
    bool alone = said && !said->next;
    struct value frame = {0};

    if (in_json)
        frame.json = (struct str){(const char *)json.data, json.len};
    if (in_mp)
        frame.mp = mp_view(mp.data, mp.len);
    if (said && (in_json || in_mp))
        channel_broadcast(c, WS_EPHEMERAL, "ephemeral", frame, alone ? said->from : 0);
    if (said)
        rooms_count(str_of(c->tenant), LIVE_EPHEMERAL, 1);
    if (old_here(c))
        tell_old(c, said);
    lane_told(&c->lane, loop_now(), json.len > mp.len ? json.len : mp.len);
    says_free(said);
    buf_finish(&json);
    buf_finish(&mp);
}

static void arm(struct channel *c, uint32_t ms)
{
    c->lane_armed = actor_after(c->self, ms, ephemeral_tick) != 0;
}

/* What did not fit into the frame goes with the next one. */
static void tell(struct channel *c)
{
    send_frame(c);
    if (c->lane.first)
        arm(c, c->lane.interval_ms);
}

static int ephemeral_tick(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;

    (void)self;
    (void)m;
    c->lane_armed = false;
    if (c->lane.first)
        tell(c);
    return 0;
}

struct mp ephemeral_pending(const struct channel *c, const char *event, const struct user *u)
{
    return lane_pending(&c->lane, event, str_of(u->id));
}

void ephemeral_put(struct channel *c, const char *event, struct user *u, struct mp value,
                   actor_id from)
{
    lane_say(&c->lane, event, str_of(u->id), value, from);
    if (c->lane_armed)
        return;
    uint32_t wait = lane_wait(&c->lane, loop_now());
    if (wait)
        arm(c, wait);
    else
        tell(c);
}
