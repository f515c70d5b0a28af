/*
 * Attendance is what presence saw: from when until when each person was in the class, one row an
 * interval, written when it begins, every 30 s while it lasts, and when it ends. A crash therefore
 * costs at most 30 s of it; an interval that a crash or a restart cut goes on when its person is
 * back a minute later. The rows of a write may be written again, so a failed write is just
 * repeated.
 */
#include <stdlib.h>

#include "class.h"
#include "sql.h"

#define WRITE_EVERY_MS 30000
#define BACK_WITHIN_MS 90000 /* of what was written last: the interval goes on */

struct stay {
    struct stay *next; /* links attendance.over */
    char id[UUID_SIZE];
    int64_t from_ms, until_ms; /* wall */
    bool away;                 /* it was open at the activation; its person is not back yet */
    char user[];               /* the table's key */
};

static struct stay *stay_create(struct str user)
{
    struct stay *s = xcalloc(1, sizeof(*s) + user.n + 1);

    memcpy(s->user, user.p, user.n);
    uuid_make(s->id);
    s->from_ms = s->until_ms = wall_ms();
    return s;
}

void attendance_load(struct channel *c, struct mp list)
{
    struct table *here = &class_of(c)->attendance.here;

    for (struct mp_iter it = mp_iter(list); mp_next(&it);) {
        struct stay *s = stay_create(mp_str(mp_at(it.value, 0)));
        struct str id = mp_str(mp_at(it.value, 1));

        snprintf(s->id, sizeof(s->id), "%.*s", (int)id.n, id.p);
        s->from_ms = mp_int(mp_at(it.value, 2), s->from_ms);
        s->until_ms = mp_int(mp_at(it.value, 3), s->from_ms);
        s->away = true;
        free(table_put(here, s->user, strlen(s->user), s));
    }
}

void attendance_finish(struct channel *c)
{
    struct attendance *a = &class_of(c)->attendance;
    struct stay *s;

    for (uint32_t i = 0; (s = table_each(&a->here, &i));)
        free(s);
    table_finish(&a->here);
    for (s = a->over; s; s = a->over) {
        a->over = s->next;
        free(s);
    }
}

static bool present(const struct channel *c, const struct user *u)
{
    return u && u->members && u->belongs != MEMBER_NONE && !class_over(c);
}

/* Participants who are in, the host and one more left out. */
uint32_t attendance_count(const struct channel *c, const struct user *but)
{
    const struct user *u;
    uint32_t n = 0;

    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        n += u != but && present(c, u) && strcmp(u->id, class_of(c)->host_id) != 0;
    return n;
}

/* ---- who came, who went ---- */

static void arrivals(struct channel *c, struct attendance *a)
{
    struct user *u;

    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));) {
        if (!present(c, u))
            continue;
        struct stay *s = table_get(&a->here, u->id, strlen(u->id));
        if (s && !s->away)
            continue;
        if (!s) {
            s = stay_create(str_of(u->id));
            table_put(&a->here, s->user, strlen(s->user), s);
        }
        s->away = false;
        a->dirty = true;
    }
}

/* Away ones end where they stood: nobody saw them since. */
static void departures(struct channel *c, struct attendance *a)
{
    struct stay *s;

    for (uint32_t i = 0; (s = table_each(&a->here, &i));) {
        bool late = wall_ms() - s->until_ms >= BACK_WITHIN_MS || class_over(c);

        if (s->away ? !late : present(c, members_find_user(&c->members, str_of(s->user))))
            continue;
        if (!s->away)
            s->until_ms = wall_ms();
        table_remove(&a->here, s->user, strlen(s->user));
        s->next = a->over;
        a->over = s;
        a->dirty = true;
    }
}

/* ---- writing ---- */

enum { COL_ID, COL_USER, COL_FROM, COL_UNTIL, COL_OPEN, COLUMNS };

static void put_cell(struct db_group *g, const struct stay *s, int column, bool open)
{
    switch (column) {
    case COL_ID:
        db_array_strn(g, s->id, strlen(s->id));
        break;
    case COL_USER:
        db_array_strn(g, s->user, strlen(s->user));
        break;
    case COL_FROM:
        db_array_i64(g, s->from_ms);
        break;
    case COL_UNTIL:
        db_array_i64(g, s->until_ms);
        break;
    default:
        db_array_i64(g, open);
    }
}

static void write_all(struct channel *c, struct attendance *a)
{
    struct db_context ctx = channel_context(c);
    struct db_group *g = db_group(DB_READ, &ctx);
    struct stay *s;

    db_stmt(g, SQL_REALTIME_CLASS_ATTENDANCE);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
    for (int column = 0; column < COLUMNS; column++) {
        db_array(g);
        for (uint32_t i = 0; (s = table_each(&a->here, &i));)
            put_cell(g, s, column, true);
        for (s = a->over; s; s = s->next)
            put_cell(g, s, column, false);
        db_array_end(g);
    }
    db_i64(g, attendance_count(c, NULL));
    a->writing = true;
    a->dirty = false;
    a->failed = c->asides_failed;
    a->written_ms = loop_now();
    commit_aside(c, g);
}

/* The write under way ended: what it stored of those who left need not be kept. */
static void written(struct channel *c, struct attendance *a)
{
    a->writing = false;
    if (a->failed != c->asides_failed)
        return;
    for (struct stay *s = a->over; s; s = a->over) {
        a->over = s->next;
        free(s);
    }
}

void attendance_tick(struct channel *c)
{
    struct attendance *a = &class_of(c)->attendance;
    uint32_t every = runtime_draining() ? 1000 : WRITE_EVERY_MS;
    struct stay *s;

    if (a->writing && c->asides)
        return;
    if (a->writing)
        written(c, a);
    departures(c, a);
    arrivals(c, a);
    bool due = loop_now() - a->written_ms >= every && (a->here.count || a->over);
    if ((!a->dirty && !due) || !db_available())
        return;
    for (uint32_t i = 0; (s = table_each(&a->here, &i));)
        if (!s->away)
            s->until_ms = wall_ms();
    write_all(c, a);
}
