/*
 * Entity tags, "<row version>-<hash>": what If-None-Match and If-Match name (RFC 9110, 8.8.3 and
 * 13.1). If-None-Match compares whole tags; If-Match compares row versions, inside the statement or
 * the channel that makes the change, so of several changes to one version one is made.
 */
#include <string.h>

#include "run.h"

/* ---- lists of tags ---- */

static size_t opaque_length(const char *p)
{
    size_t n = 0;

    while ((unsigned char)p[n] > 0x20 && p[n] != '"' && p[n] != 0x7f)
        n++;
    return n;
}

enum tag_word tag_next(const char **at, struct tag *ret)
{
    const char *p = *at + strspn(*at, ", \t");

    *at = p;
    if (!*p)
        return TAG_END;
    ret->weak = strncmp(p, "W/", 2) == 0;
    p += ret->weak ? 2 : 0;
    size_t n = *p == '"' ? opaque_length(p + 1) : 0;
    if (*p != '"' || p[n + 1] != '"')
        return TAG_MALFORMED;
    ret->opaque = (struct str){p + 1, n};
    p += n + 2;
    *at = p + strspn(p, " \t");
    return **at == ',' || !**at ? TAG_ONE : TAG_MALFORMED;
}

static bool names_everything(const char *header)
{
    const char *p = header + strspn(header, " \t");

    return *p == '*' && !p[1 + strspn(p + 1, " \t")];
}

bool tags_well_formed(const char *header)
{
    struct tag tag;
    enum tag_word word;
    unsigned n = 0;

    if (names_everything(header))
        return true;
    while ((word = tag_next(&header, &tag)) == TAG_ONE)
        n++;
    return word == TAG_END && n > 0;
}

/* ---- If-None-Match ---- */

static bool same_whole(struct str one, const char *tag)
{
    size_t n = strlen(tag) - 2; /* within the quotes */

    if (one.n == n + 5 && memcmp(one.p + n, "-gzip", 5) == 0)
        one.n = n;
    return one.n == n && memcmp(one.p, tag + 1, n) == 0;
}

bool etag_matches(const char *header, const char *tag)
{
    struct tag one;

    if (!header || !tags_well_formed(header))
        return false;
    if (names_everything(header))
        return true;
    while (tag_next(&header, &one) == TAG_ONE)
        if (same_whole(one.opaque, tag))
            return true;
    return false;
}

/* ---- If-Match ---- */

int64_t tag_version(const struct tag *tag)
{
    size_t n = 0;
    int64_t version = 0;

    while (n < tag->opaque.n && n < 18 && tag->opaque.p[n] >= '0' && tag->opaque.p[n] <= '9')
        version = version * 10 + (tag->opaque.p[n++] - '0');
    return !tag->weak && n > 0 && n < tag->opaque.n && tag->opaque.p[n] == '-' ? version : -1;
}

/* The list that If-Match names; NULL: nothing, or whatever there is. */
static const char *wanted(const struct rest *r)
{
    const char *header = rest_reads(r) ? NULL : http_header(r->http, "if-match");

    return header && !names_everything(header) ? header : NULL;
}

static const char *const bad_list[] = {
    "If-Match doit être * ou une liste d'étiquettes entre guillemets, comme l'en-tête ETag les "
    "donne.",
    "If-Match must be * or a list of tags in quotes, as the ETag header gives them."};

int rest_check_match(struct rest *r)
{
    const char *header = wanted(r);

    if (header && !tags_well_formed(header))
        return rest_refuse_said(r, P_malformed, bad_list);
    if (header && r->op->cache != CACHE_VERSIONED)
        return rest_refuse(r, P_stale);
    /* Writes change what is there. */
    return !rest_reads(r) && http_header(r->http, "if-none-match") ? rest_refuse(r, P_stale) : 0;
}

void rest_put_versions(struct db_group *g, const struct rest *r)
{
    const char *header = wanted(r);
    struct tag tag;

    if (!header) {
        db_str(g, NULL);
        return;
    }
    db_array(g);
    while (tag_next(&header, &tag) == TAG_ONE)
        if (tag_version(&tag) >= 0)
            db_array_i64(g, tag_version(&tag));
    db_array_end(g);
}

uint32_t rest_push_versions(struct buf *b, const struct rest *r)
{
    const char *header = wanted(r);
    struct buf list = BUF_INIT;
    struct tag tag;
    uint32_t n = 0;

    if (!header)
        return 0;
    for (; tag_next(&header, &tag) == TAG_ONE; n++)
        mp_put_int(&list, tag_version(&tag));
    mp_put_cstr(b, "versions");
    mp_put_array(b, n);
    buf_put(b, list.data, list.len);
    buf_finish(&list);
    return 1;
}

bool rest_version_fits(const struct rest *r, int64_t version)
{
    const char *header = wanted(r);
    struct tag tag;

    if (!header)
        return true;
    while (tag_next(&header, &tag) == TAG_ONE)
        if (tag_version(&tag) == version)
            return true;
    return false;
}
