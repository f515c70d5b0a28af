/*
 * Watches of one loop: (group, user) pairs with their unread count. Counts go up with each message
 * of others; a read mark at the head makes them zero, one below it is counted by the database. A
 * user is told at most once a second and group.
 */
#include "unread.h"

#include <stdlib.h>

#include "session.h"
#include "sql.h"
#include "stacgate/channel.h"
#include "stacgate/db.h"
#include "stacgate/table.h"

#define TELL_EVERY_MS 1000

struct watch {
    struct watch *next_of_group, *next_of_user;
    char *group_id, *user_id;
    int64_t read, head, told_ms;
    uint32_t unread;
    bool dirty;
    bool asking; /* its count is being read: one question at a time */
};

/* The watches of one group or of one user. */
struct watches {
    struct watch *first;
    uint32_t sockets; /* users only: sockets that joined user: */
    char key[];
};

struct unread_loop {
    struct table groups, users;
};
static struct unread_loop loops[LOOPS_MAX];
static _Atomic uint32_t watchers; /* sockets, all loops */

static struct unread_loop *here(void)
{
    return &loops[loop_index()];
}

bool unread_wanted(void)
{
    return atomic_load_explicit(&watchers, memory_order_relaxed) != 0;
}

void unread_tell_loops(struct buf *b)
{
    struct body *body = body_of(b);

    for (unsigned loop = 0; loop < loop_count(); loop++)
        hub_send(loop, HUB_ACTIVITY, body_ref(body));
    body_unref(body);
}

static struct watches *list_get(struct table *t, const char *key, bool make)
{
    size_t n = strlen(key);
    struct watches *w = table_get(t, key, n);

    if (!w && make) {
        w = xcalloc(1, sizeof(*w) + n + 1);
        memcpy(w->key, key, n);
        table_put(t, w->key, n, w);
    }
    return w;
}

static void list_release(struct table *t, struct watches *w)
{
    if (w->first || w->sockets)
        return;
    table_remove(t, w->key, strlen(w->key));
    free(w);
}

/* ---- telling ---- */

static void tell(struct watch *w)
{
    struct buf b = BUF_INIT;

    mp_put_map(&b, 3);
    mp_put_cstr(&b, "studyGroupId");
    mp_put_cstr(&b, w->group_id);
    mp_put_cstr(&b, "seq");
    mp_put_int(&b, w->head);
    mp_put_cstr(&b, "unreadCount");
    mp_put_int(&b, w->unread);
    user_tell_here(w->user_id, "group:unread", mp_view(b.data, b.len));
    buf_finish(&b);
    w->dirty = false;
    w->told_ms = loop_now();
}

static void changed(struct watch *w)
{
    w->dirty = true;
    if (loop_now() - w->told_ms >= TELL_EVERY_MS)
        tell(w);
}

void unread_sweep(void)
{
    struct watches *list;

    for (uint32_t i = 0; (list = table_each(&here()->groups, &i));)
        for (struct watch *w = list->first; w; w = w->next_of_group)
            if (w->dirty && loop_now() - w->told_ms >= TELL_EVERY_MS)
                tell(w);
}

/* ---- watches ---- */

static struct watch *watch_find(const char *group_id, const char *user_id)
{
    struct watches *list = list_get(&here()->groups, group_id, false);
    struct watch *w = list ? list->first : NULL;

    while (w && strcmp(w->user_id, user_id) != 0)
        w = w->next_of_group;
    return w;
}

static struct watch *watch_add(const char *group_id, struct watches *user)
{
    struct watch *w = watch_find(group_id, user->key);
    struct watches *group = list_get(&here()->groups, group_id, true);

    if (w)
        return w;
    w = xcalloc(1, sizeof(*w));
    w->group_id = xstrdup(group_id);
    w->user_id = xstrdup(user->key);
    w->next_of_group = group->first;
    group->first = w;
    w->next_of_user = user->first;
    user->first = w;
    w->told_ms = loop_now() - TELL_EVERY_MS;
    return w;
}

static void watch_drop(struct watch *w)
{
    struct watches *group = list_get(&here()->groups, w->group_id, false);
    struct watches *user = list_get(&here()->users, w->user_id, false);
    struct watch **at = &group->first;

    while (*at != w)
        at = &(*at)->next_of_group;
    *at = w->next_of_group;
    for (at = &user->first; *at != w;)
        at = &(*at)->next_of_user;
    *at = w->next_of_user;
    list_release(&here()->groups, group);
    free(w->group_id);
    free(w->user_id);
    free(w);
}

/* ---- reading them: one short-lived actor a question ---- */

struct question {
    char *user_id, *tenant, *group_id; /* group_id NULL: all groups of the user */
    int64_t mark, head;
};

static void ask(const char *user_id, const char *tenant, const struct watch *w);

static void count_again(struct watch *w, const char *tenant)
{
    if (w->asking)
        return;
    w->asking = true;
    ask(w->user_id, tenant, w);
}

static int groups_read(struct actor *self, void *state, const struct msg *m)
{
    struct question *q = state;
    struct watches *user = list_get(&here()->users, q->user_id, false);

    (void)self;
    if (!user)
        return ACTOR_DONE; /* its sockets left meanwhile */
    for (int row = 0; row < db_rows(m, 0); row++) {
        struct watch *w = watch_add(db_text(m, 0, row, 0), user);
        int64_t head = db_int(m, 0, row, 3);

        if (w->head > head || w->read > db_int(m, 0, row, 1))
            continue; /* we heard more than the database has yet */
        w->read = db_int(m, 0, row, 1);
        w->unread = (uint32_t)db_int(m, 0, row, 2);
        w->head = head > w->head ? head : w->head;
        if (w->unread)
            changed(w);
    }
    return ACTOR_DONE;
}

static int count_read(struct actor *self, void *state, const struct msg *m)
{
    struct question *q = state;
    struct watch *w = watch_find(q->group_id, q->user_id);

    (void)self;
    if (!w)
        return ACTOR_DONE;
    w->asking = false;
    if (w->read == q->mark && w->head == q->head) {
        w->unread = (uint32_t)db_int(m, 0, 0, 1);
        changed(w);
    } else {
        count_again(w, q->tenant); /* the mark or the head moved meanwhile */
    }
    return ACTOR_DONE;
}

static int question_init(struct actor *self, void *state, const void *arg)
{
    struct question *q = state;

    *q = *(const struct question *)arg;
    struct db_context ctx = {q->tenant, q->user_id};
    struct db_group *g = db_group(DB_READ, &ctx);
    if (q->group_id) {
        db_stmt(g, SQL_REALTIME_UNREAD_COUNT);
        db_str(g, q->group_id);
        db_str(g, q->user_id);
        db_i64(g, q->mark);
        return db_ask(self, g, 10000, count_read);
    }
    db_stmt(g, SQL_REALTIME_WATCHED_GROUPS);
    db_str(g, q->user_id);
    return db_ask(self, g, 10000, groups_read);
}

static void question_terminate(struct actor *self, void *state, int result)
{
    struct question *q = state;

    (void)self;
    (void)result;
    free(q->user_id);
    free(q->tenant);
    free(q->group_id);
}

static int question_fail(struct actor *self, void *state, int err)
{
    struct question *q = state;
    struct watch *w = q->group_id ? watch_find(q->group_id, q->user_id) : NULL;

    (void)self;
    (void)err;
    if (w)
        w->asking = false;
    return ACTOR_DONE; /* unread counts are a convenience: the next read mark or join asks again */
}

static int question_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return 0;
}

static const struct actor_type question_type = {
    .name = "unread",
    .state_size = sizeof(struct question),
    .mailbox_max = 4,
    .init = question_init,
    .receive = question_receive,
    .fail = question_fail,
    .terminate = question_terminate,
};

static void ask(const char *user_id, const char *tenant, const struct watch *w)
{
    struct question q = {xstrdup(user_id), xstrdup(tenant), w ? xstrdup(w->group_id) : NULL,
                         w ? w->read : 0, w ? w->head : 0};

    actor_spawn(&question_type, &q);
}

void unread_watch(struct session *s)
{
    struct watches *user = list_get(&here()->users, s->who->user_id, true);

    atomic_fetch_add_explicit(&watchers, 1, memory_order_relaxed);
    if (user->sockets++ == 0)
        ask(s->who->user_id, s->who->establishment_id, NULL);
    for (struct watch *w = user->first; w;
         w = w->next_of_user) /* another socket of the user: it is told what is known */
        if (w->unread)
            changed(w);
}

void unread_unwatch(struct session *s)
{
    struct watches *user = list_get(&here()->users, s->who->user_id, false);

    atomic_fetch_sub_explicit(&watchers, 1, memory_order_relaxed);
    if (--user->sockets)
        return;
    while (user->first)
        watch_drop(user->first);
    list_release(&here()->users, user);
}

/* ---- what channels say ---- */

static void messages(struct watches *group, struct mp list)
{
    for (struct mp_iter it = mp_iter(list); mp_next(&it);) {
        int64_t seq = mp_int(mp_at(it.value, 0), 0);
        struct str sender = mp_str(mp_at(it.value, 1));

        for (struct watch *w = group->first; w; w = w->next_of_group) {
            if (seq <= w->head)
                continue;
            w->head = seq;
            if (str_is(sender, w->user_id))
                continue;
            w->unread++;
            w->dirty = true;
        }
    }
    for (struct watch *w = group->first; w; w = w->next_of_group)
        if (w->dirty)
            changed(w);
}

static void read_mark(const char *group_id, struct mp mark)
{
    char user_id[64];
    struct str id = mp_str(mp_at(mark, 0));

    snprintf(user_id, sizeof(user_id), "%.*s", (int)id.n, id.p);
    struct watch *w = watch_find(group_id, user_id);
    if (!w)
        return;
    w->read = mp_int(mp_at(mark, 1), 0);
    if (w->read < mp_int(mp_at(mark, 2), 0)) {
        struct session *s = hub_user_sessions(user_id);

        if (s)
            count_again(w, s->who->establishment_id);
        return;
    }
    w->unread = 0;
    changed(w);
}

void unread_activity(struct mp what)
{
    char group_id[64], user_id[64];
    struct str id = mp_str(mp_get(what, "g")), came = mp_str(mp_get(what, "j")),
               went = mp_str(mp_get(what, "l"));

    snprintf(group_id, sizeof(group_id), "%.*s", (int)id.n, id.p);
    struct watches *group = list_get(&here()->groups, group_id, false);
    if (group && mp_type(mp_get(what, "m")) == MP_ARRAY)
        messages(group, mp_get(what, "m"));
    if (mp_type(mp_get(what, "r")) == MP_ARRAY)
        read_mark(group_id, mp_get(what, "r"));
    snprintf(user_id, sizeof(user_id), "%.*s", (int)(came.n ? came.n : went.n),
             came.n   ? came.p
             : went.p ? went.p
                      : "");
    struct watches *user = *user_id ? list_get(&here()->users, user_id, false) : NULL;
    if (user && came.n) {
        struct watch *w = watch_add(group_id, user);
        w->read = w->head = mp_int(mp_get(what, "h"), 0);
    }
    struct watch *gone = user && went.n ? watch_find(group_id, user_id) : NULL;
    if (gone)
        watch_drop(gone);
}

void unread_finish(void)
{
    table_finish(&here()->groups);
    table_finish(&here()->users);
    here()->groups = here()->users = TABLE_INIT;
}
