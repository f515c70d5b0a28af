/*
 * Changing a group (name, places, visibility, archiving, switches): a REST-only push, so that
 * members see it in its place among what else happens. The schema of REST has checked the fields;
 * here stand the rules that need the group's state.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "kin.h"
#include "stacgate/json.h"

int group_change_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp change = mp_get(op->payload, "group");

    if (op->user->belongs < MEMBER_ADMIN && !op->user->staff)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (no_room_check(c, ret) < 0)
        return -EPERM;
    if (mp_type(change) != MP_MAP || mp_count(change) == 0)
        return refuse(ret, REASON_invalid, "group", "required");
    if (!op_version_fits(op, group_of(c)->version))
        return refuse(ret, REASON_conflict, "version", "stale");
    if (mp_int(mp_get(change, "maxMembers"), INT64_MAX) < group_of(c)->belong_count)
        return refuse(ret, REASON_invalid, "maxMembers", "range");
    snprintf(op->ref, sizeof(op->ref), "%s", c->id);
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "group");
    mp_put_raw(&op->stored, change);
    return 0;
}

/* JSON of a map with the pairs of another over its own; only keys that it has when `known`. */
static struct body *merged(const struct body *json, struct mp over, bool known)
{
    struct buf old = BUF_INIT, out = BUF_INIT, text = BUF_INIT;
    const char *why;
    size_t at;
    uint32_t count = 0;

    if (json_to_mp((const char *)json->bytes, json->len, &old, &why, &at) == 0)
        for (struct mp_iter it = mp_iter(mp_view(old.data, old.len)); mp_next(&it); count++) {
            char key[64];
            snprintf(key, sizeof(key), "%.*s", (int)mp_str(it.key).n, mp_str(it.key).p);
            struct mp v = mp_get(over, key);
            mp_put_raw(&out, it.key);
            mp_put_raw(&out, v.p ? v : it.value);
        }
    for (struct mp_iter it = mp_iter(over); !known && mp_next(&it);) {
        char key[64];
        snprintf(key, sizeof(key), "%.*s", (int)mp_str(it.key).n, mp_str(it.key).p);
        if (mp_get(mp_view(old.data, old.len), key).p)
            continue;
        mp_put_raw(&out, it.key);
        mp_put_raw(&out, it.value);
        count++;
    }
    buf_clear(&old);
    mp_put_map(&old, count);
    buf_put(&old, out.data, out.len);
    mp_to_json(mp_view(old.data, old.len), &text);
    struct body *b = body_of(&text);
    buf_finish(&old);
    buf_finish(&out);
    buf_finish(&text);
    return b;
}

static void replace(struct body **at, struct body *with)
{
    body_unref(*at);
    *at = with;
}

void group_changed(struct channel *c, struct op *op)
{
    struct group *g = group_of(c);
    struct mp change = mp_get(op->payload, "group"), settings = mp_get(change, "settings");
    struct str status = mp_str(mp_get(change, "status"));

    g->version++;
    replace(&g->info, merged(g->info, change, true));
    if (settings.p) {
        replace(&g->settings, merged(g->settings, settings, false));
        g->moderator_only = mp_bool(mp_get(settings, "moderatorOnly"), g->moderator_only);
    }
    if (status.p) {
        g->archived = str_is(status, "archived");
        kin_tell_archived(c->id, g->archived);
    }
    g->max_members = mp_int(mp_get(change, "maxMembers"), g->max_members);
    g->is_public = mp_bool(mp_get(change, "isPublic"), g->is_public);
}

/* ---- a breakout room opens or closes: its class has written it ---- */

/* Only so that the room's log says it. */
int group_status_check(struct channel *c, struct op *op, struct refusal *ret)
{
    (void)ret;
    snprintf(op->ref, sizeof(op->ref), "%s", c->id);
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "group");
    mp_put_raw(&op->stored, op->payload);
    return 0;
}

/* Somebody in whose name the log can say it. */
static struct user *moderator(struct channel *c)
{
    struct user *u;

    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        if (u->belongs >= MEMBER_MODERATOR)
            return u;
    return NULL;
}

void group_archived(struct channel *c, bool now)
{
    struct group *g = group_of(c);
    struct user *by = moderator(c);
    struct buf b = BUF_INIT;

    if (!g->room_of || g->archived == now)
        return;
    if (!now) { /* it opens anew, with other people: all is read again */
        actor_stop(actor_self(c->self), -ESHUTDOWN);
        return;
    }
    g->archived = now;
    mp_put_map(&b, 1);
    mp_put_cstr(&b, "status");
    mp_put_cstr(&b, "archived");
    replace(&g->info, merged(g->info, mp_view(b.data, b.len), true));
    if (by)
        channel_act(c, by, "class:status", mp_view(b.data, b.len));
    buf_finish(&b);
}
