/* People and connections of one channel. The counters by loop and encoding follow by_key exactly:
 * fan-out reads only them. */
#include "members.h"

#include <stdlib.h>

static const char *const role_names[] = {NULL, "member", "moderator", "admin"};

const char *member_role_name(enum member_role r)
{
    return role_names[r];
}

enum member_role member_role_of(struct str name)
{
    for (int r = MEMBER_MEMBER; r <= MEMBER_ADMIN; r++)
        if (str_is(name, role_names[r]))
            return (enum member_role)r;
    return MEMBER_NONE;
}

void user_put(struct buf *b, const struct identity *who, const char *manage)
{
    mp_put_array(b, 6);
    mp_put_cstr(b, who->user_id);
    mp_put_cstr(b, who->first_name);
    mp_put_cstr(b, who->last_name);
    mp_put_cstr(b, who->profile_image_url);
    mp_put_int(b, who->role);
    mp_put_bool(b, manage && identity_can(who, manage));
}

struct user *members_find_user(const struct members *ms, struct str id)
{
    return table_get(&ms->users, id.p, id.n);
}

struct user *members_user(struct members *ms, struct str id)
{
    struct user *u = members_find_user(ms, id);

    if (!u) {
        u = xcalloc(1, sizeof(*u));
        u->id = xstrndup(id.p, id.n);
        table_put(&ms->users, u->id, id.n, u);
    }
    return u;
}

void members_take(struct members *ms, struct mp list)
{
    for (struct mp_iter it = mp_iter(list); mp_next(&it);) {
        struct user *u = members_user(ms, mp_str(mp_at(it.value, 0)));

        u->belongs = member_role_of(mp_str(mp_at(it.value, 1)));
        if (u->belongs == MEMBER_NONE) /* a word that an old installation made up */
            u->belongs = MEMBER_MEMBER;
    }
}

void members_see(struct user *u, struct mp packed)
{
    struct str part[3];
    size_t n = 0;

    for (uint32_t i = 0; i < 3; i++) {
        part[i] = mp_str(mp_at(packed, i + 1));
        n += part[i].n + 1;
    }
    u->role = (enum role)mp_int(mp_at(packed, 4), ROLE_APPRENANT);
    u->staff = mp_bool(mp_at(packed, 5), false);
    u->names = xrealloc(u->names, n);
    char *at = u->names;
    for (int i = 0; i < 3; i++) {
        if (part[i].n)
            memcpy(at, part[i].p, part[i].n);
        at[part[i].n] = '\0';
        at += part[i].n + 1;
    }
}

const char *user_name(const struct user *u, enum user_name which)
{
    const char *name = u->names ? u->names : "\0\0";

    for (int i = 0; i < (int)which; i++)
        name += strlen(name) + 1;
    return name;
}

void members_user_release(struct members *ms, struct user *u)
{
    if (u->members || u->ops || u->belongs != MEMBER_NONE || u->read_dirty || u->muted_until)
        return;
    table_remove(&ms->users, u->id, strlen(u->id));
    free(u->id);
    free(u->names);
    free(u);
}

struct member *members_find(const struct members *ms, actor_id session, uint64_t nonce)
{
    struct member_key k = {session, nonce};

    return table_get(&ms->by_key, (const char *)&k, sizeof(k));
}

static unsigned loop_index_of(const struct member *m)
{
    return (unsigned)(m->key.session >> 56);
}

struct member *members_add(struct members *ms, struct user *u, actor_id session, uint64_t nonce)
{
    struct member *m = xcalloc(1, sizeof(*m));

    m->key = (struct member_key){session, nonce};
    m->user = u;
    m->next_of_user = u->members;
    u->members = m;
    table_put(&ms->by_key, (const char *)&m->key, sizeof(m->key), m);
    ms->count++;
    return m;
}

void members_connected(struct members *ms, const struct member *m, int by)
{
    ms->by_loop[loop_index_of(m)] += (uint32_t)by;
    ms->by_enc[m->enc] += (uint32_t)by;
    ms->connected += (uint32_t)by;
    if (m->user->here == 0 && by > 0)
        ms->people++;
    m->user->here += (uint32_t)by;
    if (m->user->here == 0)
        ms->people--;
}

void members_rekey(struct members *ms, struct member *m, actor_id session, uint64_t nonce)
{
    table_remove(&ms->by_key, (const char *)&m->key, sizeof(m->key));
    m->key = (struct member_key){session, nonce};
    table_put(&ms->by_key, (const char *)&m->key, sizeof(m->key), m);
}

void members_remove(struct members *ms, struct member *m)
{
    struct user *u = m->user;
    struct member **at = &u->members;

    while (*at != m)
        at = &(*at)->next_of_user;
    *at = m->next_of_user;
    table_remove(&ms->by_key, (const char *)&m->key, sizeof(m->key));
    ms->count--;
    free(m->status);
    free(m);
    members_user_release(ms, u);
}

void members_finish(struct members *ms)
{
    struct user *u;
    struct member *m;

    for (uint32_t i = 0; (m = table_each(&ms->by_key, &i));) {
        m->user->members = NULL;
        free(m->status);
        free(m);
    }
    for (uint32_t i = 0; (u = table_each(&ms->users, &i));) {
        u->belongs = MEMBER_NONE;
        u->ops = 0;
        u->read_dirty = false;
        u->muted_until = 0;
        members_user_release(ms, u);
    }
    table_finish(&ms->by_key);
    table_finish(&ms->users);
}

void user_card(struct buf *b, const struct user *u)
{
    mp_put_map(b, 4);
    mp_put_cstr(b, "id");
    mp_put_cstr(b, u->id);
    mp_put_cstr(b, "firstName");
    mp_put_cstr(b, user_name(u, NAME_FIRST));
    mp_put_cstr(b, "lastName");
    mp_put_cstr(b, user_name(u, NAME_LAST));
    mp_put_cstr(b, "profileImageUrl");
    mp_put_cstr(b, *user_name(u, NAME_IMAGE) ? user_name(u, NAME_IMAGE) : NULL);
}

void user_repack(struct buf *b, const struct user *u)
{
    mp_put_array(b, 6);
    mp_put_cstr(b, u->id);
    for (int i = NAME_FIRST; i <= NAME_IMAGE; i++)
        mp_put_cstr(b, user_name(u, (enum user_name)i));
    mp_put_int(b, u->role);
    mp_put_bool(b, u->staff);
}
