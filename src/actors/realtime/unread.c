/*
 * Watches of one loop: (group, user) pairs with their unread count. Counts go up with each message
 * of others; a read mark at the head makes them zero, one below it is counted by the database. A
 * user is told at most once a second and group.
 */
#include "unread.h"

#include <assert.h>
#include <stdlib.h>

#include "session.h"
#include "sql.h"
#include "stacgate/channel.h"
#include "stacgate/db.h"
#include "stacgate/table.h"

#define TELL_EVERY_MS 1000
#define WANTED_MAX 1000 /* people a question */

struct watch {
    struct watch *next_of_group, **at_of_group; /* at: what points to it */
    struct watch *next_of_user;
    const char *user_id; /* inside key */
    int64_t read, head, told_ms;
    uint32_t unread;
    bool dirty;
    bool asking;     /* its count is being read: one question at a time */
    char group_id[]; /* with the user's id behind its NUL: the key of by_pair */
};

/* The watches of one group or of one user. */
struct watches {
    struct watch *first;
    uint32_t sockets; /* users only: sockets that joined user: */
    char key[];
};

/* Somebody whose groups are to be read, with the next sweep. */
struct want {
    struct want *next;
    char *tenant;
    char user_id[];
};

struct unread_loop {
    struct table groups, users, by_pair;
    struct want *wants;
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

/* ---- watches ---- */

#define PAIR_MAX 200

static size_t pair_key(char key[PAIR_MAX], const char *group_id, const char *user_id)
{
    int n = snprintf(key, PAIR_MAX, "%s%c%s", group_id, '\0', user_id);

    assert(n < PAIR_MAX);
    return (size_t)n;
}

static struct watch *watch_find(const char *group_id, const char *user_id)
{
    char key[PAIR_MAX];

    return table_get(&here()->by_pair, key, pair_key(key, group_id, user_id));
}

static struct watch *watch_add(const char *group_id, struct watches *user)
{
    char key[PAIR_MAX];
    size_t n = pair_key(key, group_id, user->key);
    struct watch *w = table_get(&here()->by_pair, key, n);

    if (w)
        return w;
    struct watches *group = list_get(&here()->groups, group_id, true);
    w = xcalloc(1, sizeof(*w) + n + 1);
    memcpy(w->group_id, key, n);
    w->user_id = w->group_id + strlen(group_id) + 1;
    table_put(&here()->by_pair, w->group_id, n, w);
    w->next_of_group = group->first;
    w->at_of_group = &group->first;
    if (group->first)
        group->first->at_of_group = &w->next_of_group;
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
    struct watch **at = &user->first;

    *w->at_of_group = w->next_of_group;
    if (w->next_of_group)
        w->next_of_group->at_of_group = w->at_of_group;
    while (*at != w) /* the groups of one person */
        at = &(*at)->next_of_user;
    *at = w->next_of_user;
    table_remove(&here()->by_pair, w->group_id,
                 (size_t)(w->user_id - w->group_id) + strlen(w->user_id));
    list_release(&here()->groups, group);
    free(w);
}

/* ---- reading them: one short-lived actor a question ---- */

struct question {
    char *user_id, *tenant, *group_id; /* one watch's count … */
    int64_t mark, head;
    struct want *wants; /* … or all groups of these people, who are of one tenant */
    bool *taken; /* set where an actor has taken what the pointers own: one that is not spawned has
                    not */
};

static void ask(const char *user_id, const char *tenant, const struct watch *w);

static void wants_free(struct want *w)
{
    for (struct want *next; w; w = next) {
        next = w->next;
        free(w->tenant);
        free(w);
    }
}

static void count_again(struct watch *w, const char *tenant)
{
    if (w->asking)
        return;
    w->asking = true;
    ask(w->user_id, tenant, w);
}

static int groups_read(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    for (int row = 0; row < db_rows(m, 0); row++) {
        struct watches *user = list_get(&here()->users, db_text(m, 0, row, 4), false);
        if (!user)
            continue; /* its sockets left meanwhile */
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
    *q->taken = true;
    struct db_context ctx = {.establishment_id = q->tenant, .user_id = q->user_id};
    struct db_group *g = db_group(DB_READ, &ctx);
    if (q->group_id) {
        db_stmt(g, SQL_REALTIME_UNREAD_COUNT);
        db_str(g, q->group_id);
        db_str(g, q->user_id);
        db_i64(g, q->mark);
        return db_ask(self, g, 10000, count_read);
    }
    db_stmt(g, SQL_REALTIME_WATCHED_GROUPS);
    db_array(g);
    for (const struct want *w = q->wants; w; w = w->next)
        db_array_strn(g, w->user_id, strlen(w->user_id));
    db_array_end(g);
    return db_ask(self, g, 10000, groups_read);
}

static void question_free(struct question *q)
{
    wants_free(q->wants);
    free(q->user_id);
    free(q->tenant);
    free(q->group_id);
}

static void question_terminate(struct actor *self, void *state, int result)
{
    (void)self;
    (void)result;
    question_free(state);
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

/* A loop that ends spawns nothing more. */
static void question_spawn(struct question *q)
{
    bool taken = false;

    q->taken = &taken;
    actor_spawn(&question_type, q);
    if (!taken)
        question_free(q);
}

static void ask(const char *user_id, const char *tenant, const struct watch *w)
{
    question_spawn(&(struct question){.user_id = xstrdup(user_id),
                                      .tenant = xstrdup(tenant),
                                      .group_id = xstrdup(w->group_id),
                                      .mark = w->read,
                                      .head = w->head});
}

static void want(const char *user_id, const char *tenant)
{
    size_t n = strlen(user_id);
    struct want *w = xcalloc(1, sizeof(*w) + n + 1);

    memcpy(w->user_id, user_id, n);
    w->tenant = xstrdup(tenant);
    w->next = here()->wants;
    here()->wants = w;
}

/* One question a school and thousand people, however many came. */
static void ask_wanted(void)
{
    while (here()->wants) {
        struct question q = {.tenant = xstrdup(here()->wants->tenant)};
        unsigned n = 0;

        for (struct want **at = &here()->wants, *w; (w = *at) && n < WANTED_MAX;) {
            if (strcmp(w->tenant, q.tenant) != 0) {
                at = &w->next;
                continue;
            }
            *at = w->next;
            w->next = q.wants;
            q.wants = w;
            n++;
        }
        question_spawn(&q);
    }
}

void unread_sweep(void)
{
    struct watches *list;

    ask_wanted();
    for (uint32_t i = 0; (list = table_each(&here()->groups, &i));)
        for (struct watch *w = list->first; w; w = w->next_of_group)
            if (w->dirty && loop_now() - w->told_ms >= TELL_EVERY_MS)
                tell(w);
}

void unread_watch(struct session *s)
{
    struct watches *user = list_get(&here()->users, s->who->user_id, true);

    atomic_fetch_add_explicit(&watchers, 1, memory_order_relaxed);
    if (user->sockets++ == 0)
        want(s->who->user_id, s->who->establishment_id);
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
    wants_free(here()->wants);
    here()->wants = NULL;
    table_finish(&here()->groups);
    table_finish(&here()->users);
    table_finish(&here()->by_pair);
}
