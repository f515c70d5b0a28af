/*
 * Which part of a representation was asked for (RFC 9110 14): one range. A header that is none, or
 * several, counts as if it were not there, as that section allows: the whole is never wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/http.h"

/* Digits, then `end`. A number beyond what fits is the largest that does. false: something else. */
static bool bytes_read(const char **p, char end, uint64_t *ret)
{
    char *after;

    if (**p < '0' || **p > '9')
        return false;
    *ret = strtoull(*p, &after, 10);
    *p = after + (*after != 0);
    return *after == end;
}

/* One range of RFC 9110 14.1.2. 1: it is *ret; 0: none that counts, everything; -1: not
 * satisfiable. */
static int range_of(const char *header, size_t size, size_t *ret_from, size_t *ret_to)
{
    const char *p = header ? header + 6 : NULL;
    uint64_t from, last = UINT64_MAX;

    if (!header || strncmp(header, "bytes=", 6) != 0 || strchr(header, ','))
        return 0;
    if (*p == '-') {
        p++;
        if (!bytes_read(&p, 0, &last))
            return 0;
        *ret_from = last < size ? size - last : 0;
        *ret_to = size;
        return last && size ? 1 : -1;
    }
    if (!bytes_read(&p, '-', &from) || (*p && !bytes_read(&p, 0, &last)) || last < from)
        return 0;
    *ret_from = from;
    *ret_to = last < size ? last + 1 : size;
    return from < size ? 1 : -1;
}

static bool counts(const struct http_req *r, const char *etag)
{
    const char *if_range = http_header(r, "if-range");

    return http_method(r) == HTTP_M_GET && (!if_range || strcmp(if_range, etag) == 0);
}

int http_range(struct http_req *r, const char *etag, size_t n, size_t *ret_from, size_t *ret_to)
{
    char text[80];
    int part = counts(r, etag) ? range_of(http_header(r, "range"), n, ret_from, ret_to) : 0;

    http_set(r, "Accept-Ranges", "bytes");
    if (part == 0) {
        *ret_from = 0;
        *ret_to = n;
        return 0;
    }
    if (part > 0)
        snprintf(text, sizeof(text), "bytes %zu-%zu/%zu", *ret_from, *ret_to - 1, n);
    else
        snprintf(text, sizeof(text), "bytes */%zu", n);
    http_set(r, "Content-Range", text);
    return part;
}
