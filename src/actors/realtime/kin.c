/* Which channels of this loop live by which group: a list a group, in a table by group id. */
#include "kin.h"

#include <stdlib.h>

#include "chan_mail.h"
#include "hub.h"

struct kin {
    struct kin *next; /* of the same group */
    actor_id who;
    char group[]; /* of the first in the list: the table's key */
};

static _Thread_local struct table groups;

static struct kin *of_group(const char *group)
{
    return table_get(&groups, group, strlen(group));
}

void kin_watch(const char *group_id, actor_id who)
{
    size_t n = strlen(group_id);
    struct kin *k = xcalloc(1, sizeof(*k) + n + 1);

    memcpy(k->group, group_id, n + 1);
    k->who = who;
    k->next = of_group(group_id);
    table_remove(&groups, group_id, n);
    table_put(&groups, k->group, n, k);
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

void kin_tell(const char *group_id, const char *user_id, enum member_role now)
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

void kin_heard(struct mp mail)
{
    struct str group = mp_str(mp_at(mail, 0));
    struct buf b = BUF_INIT;

    if (!table_get(&groups, group.p, group.n))
        return;
    mp_put_array(&b, 2);
    mp_put_raw(&b, mp_at(mail, 1));
    mp_put_raw(&b, mp_at(mail, 2));
    struct body *change = body_of(&b);
    for (const struct kin *k = table_get(&groups, group.p, group.n); k; k = k->next)
        actor_send(k->who, CH_KIN, body_ref(change));
    body_unref(change);
    buf_finish(&b);
}

void kin_finish(void)
{
    struct kin *k, *next;

    for (uint32_t i = 0; (k = table_each(&groups, &i));)
        for (; k; k = next) {
            next = k->next;
            free(k);
        }
    table_finish(&groups);
}
