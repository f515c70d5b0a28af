/*
 * What a class does beyond itself: its chat and boards are its study group's, each a channel of its
 * own with its own log. A short-lived actor of the class's loop pushes to them as the host, by
 * names that only the server can push (class:…), so that the host need not moderate there; what
 * they refuse is logged, and the class goes on.
 */
#include <errno.h>
#include <stdlib.h>

#include "chan_mail.h"
#include "class.h"
#include "sql.h"

#define REACH_MS 10000

struct reach {
    char *tenant, *group_id;
    struct body *mail; /* [user, event, payload] */
    bool boards;       /* to every board of the group; else to its chat */
    uint32_t asked;
};

static actor_step pushed, boards_read;

static int push_to(struct actor *self, struct reach *r, const char *kind, const char *id)
{
    char topic[TOPIC_MAX + 1];
    int n = snprintf(topic, sizeof(topic), "%s:%s", kind, id);
    actor_id to = n < (int)sizeof(topic) ? channel_whereis(r->tenant, str_of(topic)) : 0;

    if (!to)
        return -ENOENT;
    int err = actor_ask(self, to, CH_CALL, body_ref(r->mail), REACH_MS, pushed);
    r->asked += err == 0;
    return err;
}

static int pushed(struct actor *self, void *state, const struct msg *m)
{
    struct reach *r = state;
    struct mp reply = body_mp(m->body);

    (void)self;
    if (!str_is(mp_str(mp_get(reply, "status")), "ok")) {
        struct str why = mp_str(mp_get(mp_get(reply, "response"), "reason"));

        log_msg(LOG_INFO, "class_reach", "group %s: what a class asked of it was refused: %.*s",
                r->group_id, (int)why.n, why.p);
    }
    return --r->asked ? 0 : ACTOR_DONE;
}

static int boards_read(struct actor *self, void *state, const struct msg *m)
{
    struct reach *r = state;

    for (int row = 0; row < db_rows(m, 0); row++)
        push_to(self, r, "whiteboard", db_text(m, 0, row, 0));
    return r->asked ? 0 : ACTOR_DONE;
}

static int reach_init(struct actor *self, void *state, const void *arg)
{
    struct reach *r = state;

    *r = *(const struct reach *)arg;
    if (!r->boards)
        return push_to(self, r, "group", r->group_id);
    struct db_group *g = db_group(DB_READ, &(struct db_context){.establishment_id = r->tenant});
    db_stmt(g, SQL_BOARDS_OF_GROUP);
    db_str(g, r->group_id);
    db_str(g, tenant_filter(r->tenant));
    return db_ask(self, g, REACH_MS, boards_read);
}

static int reach_fail(struct actor *self, void *state, int err)
{
    struct reach *r = state;

    (void)self;
    log_msg(LOG_WARN, "class_reach", "group %s: what a class asked of it may not have happened: %d",
            r->group_id, -err);
    return r->asked && --r->asked ? 0 : ACTOR_DONE;
}

static void reach_terminate(struct actor *self, void *state, int result)
{
    struct reach *r = state;

    (void)self;
    (void)result;
    body_unref(r->mail);
    free(r->tenant);
    free(r->group_id);
}

static int reach_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return 0;
}

static const struct actor_type reach_type = {
    .name = "class_reach",
    .state_size = sizeof(struct reach),
    .mailbox_max = 4,
    .init = reach_init,
    .receive = reach_receive,
    .fail = reach_fail,
    .terminate = reach_terminate,
};

static void reach(struct channel *c, const struct user *host, bool boards, const char *event,
                  struct mp payload)
{
    struct buf b = BUF_INIT;

    mp_put_array(&b, 3);
    user_repack(&b, host);
    mp_put_cstr(&b, event);
    mp_put_raw(&b, payload);
    struct reach r = {.tenant = xstrdup(c->tenant),
                      .group_id = xstrdup(class_of(c)->group_id),
                      .mail = body_of(&b),
                      .boards = boards};
    buf_finish(&b);
    actor_spawn(&reach_type, &r); /* failing, its terminate released what r holds */
}

void class_reach_chat(struct channel *c, const struct user *host, const char *event,
                      struct mp payload)
{
    reach(c, host, false, event, payload);
}

void class_reach_boards(struct channel *c, const struct user *host, bool lock)
{
    reach(c, host, true, lock ? "class:lock" : "class:unlock", mp_view("\x80", 1));
}
