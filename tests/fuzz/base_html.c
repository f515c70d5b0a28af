/*
 * HTML from a stranger, alone and in JSON: what comes out holds no tag but those of the list, as
 * they are written there, and no address that is a program; cleaning it again changes nothing; JSON
 * stays JSON.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/html.h"
#include "base/utf8.h"
#include "stacgate/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str view(const struct buf *b)
{
    return (struct str){(const char *)b->data, b->len};
}

/* A tag as the cleaner writes it, without looking at the cleaner: returns its end. */
static const char *one_tag(const char *p, const char *end)
{
    static const char link[] = " href=\"", rel[] = "\" rel=\"noopener\"";
    const char *name = p += *p == '/';

    while (p < end && (islower((unsigned char)*p) || isdigit((unsigned char)*p)))
        p++;
    assert(p > name && p < end);
    for (const char *const *bad =
             (const char *const[]){"script", "img", "svg", "style", "iframe", 0};
         *bad; bad++)
        assert((size_t)(p - name) != strlen(*bad) || memcmp(name, *bad, strlen(*bad)) != 0);
    if (*p == '>')
        return p;
    assert((size_t)(end - p) > sizeof(link) && memcmp(p, link, sizeof(link) - 1) == 0);
    p += sizeof(link) - 1;
    assert(strncasecmp(p, "http", 4) == 0 || strncasecmp(p, "mailto:", 7) == 0);
    p = memchr(p, '"', (size_t)(end - p));
    assert(p && (size_t)(end - p) > sizeof(rel) - 1 && memcmp(p, rel, sizeof(rel) - 1) == 0);
    assert(p[sizeof(rel) - 1] == '>');
    return p + sizeof(rel) - 1;
}

static void harmless(struct str s)
{
    const char *end = s.n ? s.p + s.n : NULL;

    for (const char *p = s.p; s.n && (p = memchr(p, '<', (size_t)(end - p)));)
        p = p + 1 < end && (isalpha((unsigned char)p[1]) || strchr("/!?", p[1]))
                ? one_tag(p + 1, end)
                : p + 1;
}

static void in_json(struct str json, const char *members)
{
    struct buf clean = BUF_INIT, again = BUF_INIT, value = BUF_INIT;
    const char *why;
    size_t at;

    if (html_clean_json(json, members, &clean)) {
        assert(!html_clean_json(view(&clean), members, &again));
        assert(json_to_mp((const char *)clean.data, clean.len, &value, &why, &at) == 0 ||
               strcmp(why, "a key stands twice in one object") == 0);
    }
    buf_finish(&clean);
    buf_finish(&again);
    buf_finish(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = {(const char *)data, size};
    struct buf clean = BUF_INIT, again = BUF_INIT, json = BUF_INIT, value = BUF_INIT;
    const char *why;
    size_t at;

    if (!utf8_valid(s.p, s.n) || (s.n && memchr(s.p, 0, s.n)))
        return 0;
    html_clean_text(s, &clean);
    harmless(view(&clean));
    html_clean_text(view(&clean), &again);
    assert(again.len == clean.len &&
           (clean.len == 0 || memcmp(again.data, clean.data, clean.len) == 0));
    buf_puts(&json, "{\"a\" : ");
    json_put_str(&json, s.p, s.n);
    buf_puts(&json, ", \"b\":[\"<p>\"]}");
    in_json(view(&json), NULL);
    in_json(view(&json), "a|c");
    if (json_to_mp(s.p, s.n, &value, &why, &at) == 0)
        in_json(s, NULL);
    buf_finish(&clean);
    buf_finish(&again);
    buf_finish(&json);
    buf_finish(&value);
    return 0;
}
