/*
 * One struct identity per person and loop, however many connections and requests hold it: a table
 * of weak entries, each removed by its last unref. The struct and its strings are one allocation.
 * Also the catalogue of permissions, as bits.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "stacgate/table.h"

static const char *const role_names[ROLES] = {"apprenant", "formateur", "manager", "admin",
                                              "super_admin"};

static const char *const permission_names[] = {
#define PERMISSION(name, ...) name,
#include "stacgate/permission.def"
#undef PERMISSION
};
#define PERMISSIONS (sizeof(permission_names) / sizeof(permission_names[0]))
static_assert(PERMISSIONS <= 64 * PERMISSION_WORDS, "a bit for each permission");

const char *role_name(enum role r)
{
    return role_names[r];
}

int role_of(const char *name)
{
    for (int r = 0; r < ROLES; r++)
        if (strcmp(name, role_names[r]) == 0)
            return r;
    return -1;
}

int permission_bit(const char *name, size_t n)
{
    for (unsigned i = 0; i < PERMISSIONS; i++)
        if (strlen(permission_names[i]) == n && memcmp(permission_names[i], name, n) == 0)
            return (int)i;
    return -1;
}

void permission_set(uint64_t bits[PERMISSION_WORDS], int bit, bool on)
{
    uint64_t mask = UINT64_C(1) << (bit % 64);

    if (on)
        bits[bit / 64] |= mask;
    else
        bits[bit / 64] &= ~mask;
}

void permission_list(uint64_t bits[PERMISSION_WORDS], const char *names, bool on)
{
    while (*names) {
        size_t n = strcspn(names, ",");
        int bit = permission_bit(names, n);
        if (bit >= 0)
            permission_set(bits, bit, on);
        names += n + (names[n] == ',');
    }
}

bool identity_can(const struct identity *i, const char *permission)
{
    int bit = permission_bit(permission, strlen(permission));

    assert(bit >= 0); /* a name that permission.def does not have is a mistake of ours */
    return i && (i->permissions[bit / 64] >> (bit % 64) & 1);
}

bool identity_is_staff(const struct identity *i)
{
    return i && i->role >= ROLE_MANAGER;
}

/* ---- interning ---- */

static struct table people[LOOPS_MAX];

static bool same(const struct identity *i, const struct person *p)
{
    return i->role == p->role &&
           memcmp(i->permissions, p->permissions, sizeof(i->permissions)) == 0 &&
           strcmp(i->establishment_id, p->establishment_id) == 0 &&
           strcmp(i->first_name, p->first_name) == 0 && strcmp(i->last_name, p->last_name) == 0 &&
           strcmp(i->profile_image_url, p->profile_image_url) == 0 &&
           strcmp(i->email, p->email) == 0;
}

static struct identity *person_make(const struct person *p)
{
    const char *from[] = {p->user_id,   p->establishment_id,  p->first_name,
                          p->last_name, p->profile_image_url, p->email};
    size_t size = sizeof(struct identity);

    for (unsigned k = 0; k < 6; k++)
        size += strlen(from[k]) + 1;
    struct identity *i = xmalloc(size);
    const char **to[] = {&i->user_id,   &i->establishment_id,  &i->first_name,
                         &i->last_name, &i->profile_image_url, &i->email};
    char *at = (char *)(i + 1);
    for (unsigned k = 0; k < 6; k++) {
        size_t n = strlen(from[k]) + 1;
        *to[k] = memcpy(at, from[k], n);
        at += n;
    }
    i->refs = 1;
    i->role = p->role;
    memcpy(i->permissions, p->permissions, sizeof(i->permissions));
    return i;
}

struct identity *person_intern(const struct person *p)
{
    struct table *t = &people[loop_index()];
    size_t n = strlen(p->user_id);
    struct identity *i = table_get(t, p->user_id, n);

    if (i && same(i, p))
        return identity_ref(i);
    /* What changed takes the entry's place; connections that hold the old one keep it until they
     * ask again. */
    if (i)
        table_remove(t, p->user_id, n);
    i = person_make(p);
    table_put(t, i->user_id, n, i);
    return i;
}

struct identity *identity_ref(struct identity *i)
{
    if (i)
        i->refs++;
    return i;
}

void identity_unref(struct identity *i)
{
    if (!i || --i->refs > 0)
        return;
    struct table *t = &people[loop_index()];
    size_t n = strlen(i->user_id);
    if (table_get(t, i->user_id, n) == i)
        table_remove(t, i->user_id, n);
    free(i);
}

void people_finish(unsigned loop)
{
    table_finish(&people[loop]);
}
