/*
 * An assessment as a channel, without a log: who takes it is told how much time is left and when it
 * is over, who supervises it what everybody does. Attempts are the database's
 * (services/attempts.h); here stand only the ends of those under way, as their join or a statement
 * told them.
 */
#include "../services/attempts.h"

#include <errno.h>
#include <stdlib.h>

#include "chan.h"
#include "chan_mail.h"
#include "sql.h"
#include "stacgate/channel.h"
#include "stacgate/json.h"

#define MINUTE_MS 60000
#define LAST_MS 10000 /* told second by second */
#define SAVE_MS 8000

/* An attempt under way that has an end. */
struct running {
    int64_t deadline, next; /* wall ms of the database; when its taker is told next */
    char attempt[65];
    char user[]; /* the table's key */
};

/* What the database said of one who is about to join. */
struct caller {
    struct body *attempt; /* msgpack; nil: none */
    char user[];          /* the table's key */
};

struct assessment {
    bool open; /* approved, for everybody of the school */
    struct table running, callers;
    int64_t skew; /* the database's clock less ours, ms */
    actor_ref timer;
};

static struct assessment *of(const struct channel *c)
{
    return c->state;
}

static bool supervises(const struct user *u, const char *arg)
{
    (void)arg;
    return u->staff || u->belongs == MEMBER_ADMIN;
}

static bool is_user(const struct user *u, const char *id)
{
    return strcmp(u->id, id) == 0;
}

static int64_t now_ms(const struct channel *c)
{
    return wall_ms() + of(c)->skew;
}

/* ---- the time that is left ---- */

static actor_step due;

/* Each whole minute that is left, then each of the last ten seconds; INT64_MAX: told all. */
static int64_t next_telling(int64_t deadline, int64_t now)
{
    int64_t left = deadline - now;
    int64_t step = left > LAST_MS ? MINUTE_MS : 1000;
    int64_t at = (left - 1) / step * step;

    if (left > LAST_MS && at < LAST_MS)
        at = LAST_MS;
    return left <= 1000 ? INT64_MAX : deadline - at;
}

static void arm(struct channel *c)
{
    int64_t next = INT64_MAX;
    struct running *r;

    for (uint32_t i = 0; (r = table_each(&of(c)->running, &i));)
        next = r->next < next ? r->next : next;
    if (of(c)->timer)
        actor_cancel(c->self, of(c)->timer);
    of(c)->timer = 0;
    if (next == INT64_MAX)
        return;
    int64_t in = next - now_ms(c);
    in = in < 1 ? 1 : in > 10 * MINUTE_MS ? 10 * MINUTE_MS : in;
    of(c)->timer = actor_after(c->self, (uint32_t)in, due);
}

static void put_time(struct object *o, const char *key, int64_t ms)
{
    char text[ISO_SIZE];

    iso_time(text, ms);
    object_str(o, key, str_of(text));
}

static void tell_time(struct channel *c, const struct running *r, int64_t now)
{
    struct buf b = BUF_INIT;
    struct object o;

    object_begin(&o, &b, ENC_MP);
    object_str(&o, "attemptId", str_of(r->attempt));
    put_time(&o, "now", now);
    put_time(&o, "deadline", r->deadline);
    object_int(&o, "remaining", (r->deadline - now + 500) / 1000);
    object_end(&o);
    channel_tell_those(c, "time", mp_view(b.data, b.len), is_user, r->user);
    buf_finish(&b);
}

static int due(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;
    int64_t now = now_ms(c);
    struct running *r;

    (void)self;
    (void)m;
    of(c)->timer = 0;
    for (uint32_t i = 0; (r = table_each(&of(c)->running, &i));)
        if (r->next <= now) {
            tell_time(c, r, now);
            r->next = next_telling(r->deadline, now);
        }
    arm(c);
    return 0;
}

static void forget(struct channel *c, struct str user)
{
    free(table_remove(&of(c)->running, user.p, user.n));
}

/* true: this is news. */
static bool keep(struct channel *c, struct str user, struct str attempt, int64_t deadline)
{
    struct running *r = table_get(&of(c)->running, user.p, user.n);

    if (r && str_is(attempt, r->attempt) && r->deadline == deadline)
        return false;
    forget(c, user);
    r = xcalloc(1, sizeof(*r) + user.n + 1);
    memcpy(r->user, user.p, user.n);
    snprintf(r->attempt, sizeof(r->attempt), "%.*s", (int)attempt.n, attempt.p);
    r->deadline = deadline;
    r->next = next_telling(deadline, now_ms(c));
    table_put(&of(c)->running, r->user, user.n, r);
    arm(c);
    return true;
}

/* As REST gives an attempt; whoever has one under way without an end needs no clock. */
static bool take_attempt(struct channel *c, struct mp attempt)
{
    struct str user = mp_str(mp_get(attempt, "userId")), end = mp_str(mp_get(attempt, "deadline"));
    int64_t deadline;

    if (!user.n)
        return false;
    if (!str_is(mp_str(mp_get(attempt, "status")), "in_progress") || !end.n ||
        iso_parse(end.p, end.n, &deadline) < 0) {
        forget(c, user);
        return false;
    }
    return keep(c, user, mp_str(mp_get(attempt, "id")), deadline);
}

/* ---- what happens to attempts ---- */

static void tell_taker(struct channel *c, const char *event, struct str user, struct mp payload)
{
    char id[65];

    snprintf(id, sizeof(id), "%.*s", (int)user.n, user.p ? user.p : "");
    channel_tell_those(c, event, payload, is_user, id);
}

static void assessment_tell(struct channel *c, struct str event, struct mp payload)
{
    struct mp attempt = mp_get(payload, "attempt");
    struct str user = mp_str(mp_get(attempt, "userId"));
    struct running *r;

    if (str_is(event, "attempt:started")) {
        take_attempt(c, attempt);
        channel_tell_those(c, "attempt:started", payload, supervises, NULL);
    } else if (str_is(event, "attempt:saved")) {
        channel_tell_those(c, "attempt:saved", payload, supervises, NULL);
    } else if (str_is(event, "attempt:moved")) { /* its end: an accommodation */
        if (take_attempt(c, attempt) && (r = table_get(&of(c)->running, user.p, user.n)))
            tell_time(c, r, now_ms(c));
    } else if (str_is(event, "attempt:submitted")) {
        forget(c, user);
        channel_tell_those(c, "attempt:submitted", payload, supervises, NULL);
        struct user *taker = members_find_user(&c->members, user);
        if (taker && !supervises(taker, NULL))
            tell_taker(c, "attempt:submitted", user, payload);
    }
}

/* On the attempt's loop. */
static void attempt_over(const char *tenant, const char *attempt_id, struct str attempt,
                         bool by_clock)
{
    struct buf b = BUF_INIT, what = BUF_INIT;
    char name[TOPIC_MAX + 80];

    (void)attempt_id;
    value_put(&what, ENC_MP, value_json(attempt));
    struct mp row = mp_view(what.data, what.len);
    struct str id = mp_str(mp_get(row, "assessmentId"));
    snprintf(name, sizeof(name), "%s/assessment:%.*s", tenant, (int)id.n, id.p ? id.p : "");
    actor_id who = actor_find("channel", name);
    mp_put_array(&b, 2);
    mp_put_cstr(&b, "attempt:submitted");
    mp_put_map(&b, 2);
    mp_put_cstr(&b, "attempt");
    mp_put_raw(&b, row);
    mp_put_cstr(&b, "byClock");
    mp_put_bool(&b, by_clock);
    if (who)
        actor_send(who, CH_TELL, body_of(&b));
    buf_finish(&b);
    buf_finish(&what);
}

void assessment_setup(void)
{
    attempts_watch(attempt_over);
}

/* ---- answers:save, by REST's own statement, in a short-lived actor ---- */

struct saver {
    struct body *mail; /* holds payload and refs */
    struct mp payload;
    struct str join_ref, client_ref;
    char *topic, *tenant, *user;
    uint32_t nonce;
    actor_id session;
    uint8_t enc, lang;
};

static void answer(struct saver *s, bool ok, const struct buf *response)
{
    struct buf wire = BUF_INIT;

    envelope_reply(&wire, (enum encoding)s->enc, s->join_ref, s->client_ref, str_of(s->topic), ok,
                   value_mp(mp_view(response->data, response->len)));
    member_send(NULL, s->session, s->nonce, s->enc, WS_CONTROL, &wire, 1);
    buf_finish(&wire);
}

static int answer_refused(struct saver *s, const struct refusal *why)
{
    struct buf b = BUF_INIT;

    refusal_put(&b, ENC_MP, why, s->lang);
    answer(s, false, &b);
    buf_finish(&b);
    return ACTOR_DONE;
}

static int saved(struct actor *self, void *state, const struct msg *m)
{
    struct saver *s = state;
    struct buf b = BUF_INIT, row = BUF_INIT;

    (void)self;
    if (db_error(m))
        return answer_refused(s, &(struct refusal){REASON_invalid, "answers", "refused", 0});
    if (db_rows(m, 0) == 0 || str_is(db_strv(m, 0, 0, 0), "forbidden"))
        return answer_refused(s, &(struct refusal){.reason = REASON_not_found});
    if (str_is(db_strv(m, 0, 0, 0), "too_large"))
        return answer_refused(s, &(struct refusal){REASON_too_large, "answers", "length", 0});
    if (!db_null(m, 0, 0, 0))
        return answer_refused(s, &(struct refusal){REASON_conflict, "attemptId", "over", 0});
    users_tell(db_strv(m, 0, 0, 4));
    value_put(&row, ENC_MP, value_json(db_strv(m, 0, 0, 2)));
    mp_put_map(&b, 1);
    mp_put_cstr(&b, "savedAt");
    mp_put_raw(&b, mp_get(mp_view(row.data, row.len), "savedAt"));
    answer(s, true, &b);
    buf_finish(&b);
    buf_finish(&row);
    return ACTOR_DONE;
}

/* The body that REST would have, and of which assessment the attempt must be. */
static int save(struct actor *self, struct saver *s)
{
    struct db_group *g =
        db_group(DB_READ, &(struct db_context){.establishment_id = s->tenant, .user_id = s->user});
    struct str attempt = mp_str(mp_get(s->payload, "attemptId"));
    struct buf b = BUF_INIT, json = BUF_INIT;

    mp_put_map(&b, 2);
    mp_put_cstr(&b, "answers");
    mp_put_raw(&b, mp_get(s->payload, "answers"));
    mp_put_cstr(&b, "assessmentId");
    mp_put_cstr(&b, strchr(s->topic, ':') + 1);
    mp_to_json(mp_view(b.data, b.len), &json);
    db_errors_as_result(g);
    db_stmt(g, SQL_ATTEMPTS_SAVE);
    db_str(g, tenant_filter(s->tenant));
    db_str(g, s->user);
    db_strn(g, attempt.p, attempt.n);
    db_strn(g, (const char *)json.data, json.len);
    db_bool(g, false);
    buf_finish(&b);
    buf_finish(&json);
    return db_ask(self, g, SAVE_MS, saved);
}

static int saver_init(struct actor *self, void *state, const void *arg)
{
    struct saver *s = state;

    *s = *(const struct saver *)arg;
    return save(self, s);
}

static int saver_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return 0;
}

static int saver_fail(struct actor *self, void *state, int err)
{
    (void)self;
    (void)err;
    return answer_refused(state, &(struct refusal){.reason = REASON_unavailable});
}

static void saver_terminate(struct actor *self, void *state, int result)
{
    struct saver *s = state;

    (void)self;
    (void)result;
    body_unref(s->mail);
    free(s->topic);
    free(s->tenant);
    free(s->user);
}

static const struct actor_type saver_type = {
    .name = "answers",
    .state_size = sizeof(struct saver),
    .mailbox_max = 4,
    .init = saver_init,
    .receive = saver_receive,
    .fail = saver_fail,
    .terminate = saver_terminate,
};

static int save_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    struct mp answers = mp_get(op->payload, "answers");

    if (!fits_str(mp_get(op->payload, "attemptId"), 64))
        return refuse(ret, REASON_invalid, "attemptId", "required");
    if (mp_type(answers) != MP_MAP)
        return refuse(ret, REASON_invalid, "answers",
                      mp_type(answers) == MP_NONE ? "required" : "type");
    if (mp_bytes(answers).n > ATTEMPT_ANSWERS_MAX)
        return refuse(ret, REASON_too_large, "answers", "length");
    struct saver s = {.mail = body_ref(op->mail),
                      .payload = op->payload,
                      .join_ref = op->join_ref,
                      .client_ref = op->client_ref,
                      .topic = xstrdup(c->topic),
                      .tenant = xstrdup(c->tenant),
                      .user = xstrdup(m->user->id),
                      .nonce = (uint32_t)m->key.nonce,
                      .session = m->key.session,
                      .enc = m->enc,
                      .lang = m->lang};
    if (!actor_spawn(&saver_type, &s)) /* its terminate released what s holds */
        return refuse(ret, REASON_unavailable, NULL, NULL);
    op_destroy(c, op);
    return 0;
}

/* ---- joining ---- */

static void callers_drop(struct channel *c)
{
    struct caller *k;

    for (uint32_t i = 0; (k = table_each(&of(c)->callers, &i));) {
        body_unref(k->attempt);
        free(k);
    }
    table_finish(&of(c)->callers);
}

static void assessment_fetch(struct channel *c, struct db_group *g, const struct joiner *waiting)
{
    db_stmt(g, SQL_REALTIME_ASSESSMENT_CALLERS);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
    db_array(g);
    for (const struct joiner *j = waiting; j; j = j->next) {
        struct str id = mp_str(mp_at(joiner_user(j), 0));

        db_array_strn(g, id.p, id.n);
    }
    db_array_end(g);
}

/* (user, attempt or null, the database's time in ms) */
static void assessment_fetched(struct channel *c, const struct msg *m)
{
    callers_drop(c);
    for (int row = 0; row < db_rows(m, 0); row++) {
        struct str user = db_strv(m, 0, row, 0);
        struct caller *k = xcalloc(1, sizeof(*k) + user.n + 1);
        struct buf b = BUF_INIT;

        of(c)->skew = db_int(m, 0, row, 2) - wall_ms();
        memcpy(k->user, user.p, user.n);
        if (!db_null(m, 0, row, 1)) {
            value_put(&b, ENC_MP, value_json(db_strv(m, 0, row, 1)));
            take_attempt(c, mp_view(b.data, b.len));
            k->attempt = body_of(&b);
        }
        buf_finish(&b);
        struct caller *old = table_put(&of(c)->callers, k->user, user.n, k);
        if (old) {
            body_unref(old->attempt);
            free(old);
        }
    }
}

static void assessment_describe(struct channel *c, struct user *u, struct object *o)
{
    const struct caller *k = table_get(&of(c)->callers, u->id, strlen(u->id));
    const struct running *r = table_get(&of(c)->running, u->id, strlen(u->id));

    object_str(o, "role",
               str_of(u->belongs == MEMBER_ADMIN ? "author"
                      : u->staff                 ? role_name(u->role)
                                                 : "taker"));
    put_time(o, "now", now_ms(c));
    if (k && k->attempt)
        object_value(o, "attempt", value_mp(body_mp(k->attempt)));
    if (r)
        put_time(o, "deadline", r->deadline);
}

static int assessment_may_join(struct channel *c, struct user *u, struct refusal *ret)
{
    return of(c)->open || u->belongs != MEMBER_NONE || u->staff
               ? 0
               : refuse(ret, REASON_forbidden, NULL, NULL);
}

/* ---- life ---- */

static void assessment_look(struct channel *c, struct db_group *g)
{
    db_stmt(g, SQL_REALTIME_ASSESSMENT_INFO);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
}

static void assessment_open(struct channel *c, struct db_group *g)
{
    db_stmt(g, SQL_REALTIME_ASSESSMENT_OPEN);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
    assessment_look(c, g);
}

static int assessment_seen(struct channel *c, const struct msg *m, unsigned stmt)
{
    struct buf people = BUF_INIT;

    if (db_rows(m, stmt) == 0)
        return -ENOENT;
    of(c)->open = db_true(m, stmt, 0, 0);
    value_put(&people, ENC_MP, value_json(db_strv(m, stmt, 0, 1)));
    struct mp both = mp_view(people.data, people.len);
    look_people(c, mp_at(both, 0), mp_at(both, 1));
    buf_finish(&people);
    return 0;
}

static void assessment_closed(struct channel *c)
{
    struct running *r;

    for (uint32_t i = 0; (r = table_each(&of(c)->running, &i));)
        free(r);
    table_finish(&of(c)->running);
    callers_drop(c);
}

static const struct push_kind pushes[] = {{0}};
static const struct side_push sides[] = {
    {"answers:save", save_push},
    {0},
};

const struct channel_kind assessment_kind = {
    .name = "assessment",
    .manage = "assessments:manage",
    .unnumbered = true,
    .pushes = pushes,
    .sides = sides,
    .open = assessment_open,
    .opened = assessment_seen,
    .closed = assessment_closed,
    .may_join = assessment_may_join,
    .describe = assessment_describe,
    .look = assessment_look,
    .seen = assessment_seen,
    .tell = assessment_tell,
    .fetch = assessment_fetch,
    .fetched = assessment_fetched,
    .state_size = sizeof(struct assessment),
};
