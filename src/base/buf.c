/*
 * The growable byte buffer and the allocator that exits instead of failing.
 * Invariant: data is NULL exactly while cap is 0, and len <= cap always.
 */
#include "stacgate/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(size_t n)
{
    /* Nothing here may allocate; what was acknowledged is in the database. */
    dprintf(
        STDERR_FILENO,
        "stacgate: out of memory (%zu more bytes): give the process more, or lower queue-total\n",
        n);
    _exit(1);
}

void *xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        out_of_memory(n);
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        out_of_memory(size);
    return p;
}

void *xrealloc(void *old, size_t n)
{
    void *p = realloc(old, n ? n : 1);
    if (!p)
        out_of_memory(n);
    return p;
}

char *xstrndup(const char *s, size_t n)
{
    n = strnlen(s, n);
    char *copy = xmalloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, SIZE_MAX - 1);
}

void buf_finish(struct buf *b)
{
    free(b->data);
    *b = BUF_INIT;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    assert(b->len <= b->cap);
    if (b->cap - b->len < n || !b->data) {
        if (n > SIZE_MAX / 4 - b->len)
            out_of_memory(n);
        size_t want = b->cap ? b->cap * 2 : 64;
        if (want < b->len + n)
            want = b->len + n;
        b->data = xrealloc(b->data, want);
        b->cap = want;
    }
    return b->data + b->len;
}

void buf_put(struct buf *b, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    memcpy(buf_reserve(b, n), bytes, n);
    b->len += n;
}

void buf_putc(struct buf *b, char c)
{
    *buf_reserve(b, 1) = (uint8_t)c;
    b->len++;
}

void buf_puts(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    size_t room = b->cap - b->len;
    int n = vsnprintf(room ? (char *)b->data + b->len : NULL, room, fmt, args);
    assert(n >= 0);
    if ((size_t)n >= room)
        vsnprintf((char *)buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
    b->len += (size_t)n;
    va_end(again);
    va_end(args);
}

const char *buf_cstr(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return (const char *)b->data;
}
