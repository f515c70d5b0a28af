/*
 * Which channels of this loop live by which group: a list a group, in a table by group id. A
 * channel watches when it has read who belongs; what was told while it read, it is told again.
 */
#include "kin.h"

#include <stdlib.h>

#include "chan_mail.h"
#include "hub.h"

struct kin {
    struct kin *next; /* of the same group */
    actor_id who;
    enum kin_interest what;
    char group[]; /* of the first in the list: the table's key */
};

#define RECENT_MAX 512
#define RECENT_MS 10000 /* longer than an activation's read takes */

/* What this loop was told lately, the oldest first, from `recent_at` around. */
struct recent {
    struct body *mail; /* as kin_tell packed it; NULL: not yet */
    int64_t at_ms;     /* loop time */
};
static _Thread_local struct recent recent[RECENT_MAX];
static _Thread_local unsigned recent_at;

static _Thread_local struct table groups;

static struct kin *of_group(const char *group)
{
    return table_get(&groups, group, strlen(group));
}

static bool same(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void tell_one(const struct kin *k, struct mp mail)
{
    bool leaves = mp_str(mp_at(mail, 1)).p && mp_int(mp_at(mail, 2), 0) == MEMBER_NONE;
    struct buf b = BUF_INIT;

    if (k->what == KIN_LEAVERS && !leaves)
        return;
    mp_put_array(&b, 2);
    mp_put_raw(&b, mp_at(mail, 1));
    mp_put_raw(&b, mp_at(mail, 2));
    actor_send(k->who, CH_KIN, body_of(&b));
    buf_finish(&b);
}

/* Only the last word about each person: what they are now. */
static void tell_recent(const struct kin *k, struct str group)
{
    struct table told = TABLE_INIT;

    for (unsigned i = 1; i <= RECENT_MAX; i++) { /* the newest first */
        const struct recent *r = &recent[(recent_at + RECENT_MAX - i) % RECENT_MAX];
        if (!r->mail || loop_now() - r->at_ms > RECENT_MS)
            break;
        struct mp mail = body_mp(r->mail);
        struct str who = mp_str(mp_at(mail, 1));
        if (!same(mp_str(mp_at(mail, 0)), group) || table_get(&told, who.p ? who.p : "", who.n))
            continue;
        table_put(&told, who.p ? who.p : "", who.n, r->mail);
        tell_one(k, mail);
        if (!who.p && mp_int(mp_at(mail, 2), 1) == 0)
            break; /* it opened anew: what was before says nothing */
    }
    table_finish(&told);
}

void kin_watch(const char *group_id, actor_id who, enum kin_interest what)
{
    size_t n = strlen(group_id);
    struct kin *k = xcalloc(1, sizeof(*k) + n + 1);

    memcpy(k->group, group_id, n + 1);
    k->who = who;
    k->what = what;
    k->next = of_group(group_id);
    table_remove(&groups, group_id, n);
    table_put(&groups, k->group, n, k);
    tell_recent(k, str_of(group_id));
}

void kin_unwatch(const char *group_id, actor_id who)
{
    size_t n = strlen(group_id);
    struct kin *first = of_group(group_id), **at = &first;

    while (*at && (*at)->who != who)
        at = &(*at)->next;
    if (!*at)
        return;
    struct kin *gone = *at;
    table_remove(&groups, group_id, n);
    *at = gone->next;
    if (first)
        table_put(&groups, first->group, n, first);
    free(gone);
}

static void tell(const char *group_id, const char *user_id, int64_t now)
{
    struct buf b = BUF_INIT;

    mp_put_array(&b, 3);
    mp_put_cstr(&b, group_id);
    mp_put_cstr(&b, user_id);
    mp_put_int(&b, now);
    struct body *mail = body_of(&b);
    for (unsigned loop = 0; loop < loop_count(); loop++)
        hub_send(loop, HUB_KIN, body_ref(mail));
    body_unref(mail);
    buf_finish(&b);
}

void kin_tell(const char *group_id, const char *user_id, enum member_role now)
{
    tell(group_id, user_id, now);
}

void kin_tell_archived(const char *group_id, bool archived)
{
    tell(group_id, NULL, archived);
}

void kin_heard(struct mp mail)
{
    struct str group = mp_str(mp_at(mail, 0)), bytes = mp_bytes(mail);
    struct recent *r = &recent[recent_at++ % RECENT_MAX];

    body_unref(r->mail);
    *r = (struct recent){body_make(bytes.p, bytes.n), loop_now()};
    for (const struct kin *k = table_get(&groups, group.p, group.n); k; k = k->next)
        tell_one(k, mail);
}

void kin_finish(void)
{
    struct kin *k, *next;

    for (unsigned i = 0; i < RECENT_MAX; i++)
        body_unref(recent[i].mail);
    memset(recent, 0, sizeof(recent));
    for (uint32_t i = 0; (k = table_each(&groups, &i));)
        for (; k; k = next) {
            next = k->next;
            free(k);
        }
    table_finish(&groups);
}
