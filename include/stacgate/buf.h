/*
 * A growable byte buffer. It never fails: when memory runs out the process says so and exits
 * (what was acknowledged is in the database, so a restart loses nothing). Input-sized growth is
 * therefore capped by the caller before it puts bytes in.
 */
#ifndef STACGATE_BUF_H
#define STACGATE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* NULL while nothing was ever put in */
    size_t len;    /* bytes used */
    size_t cap;    /* bytes allocated */
};

#define BUF_INIT ((struct buf){0})

void buf_finish(struct buf *b);                /* frees, leaves BUF_INIT */
void buf_clear(struct buf *b);                 /* len = 0, memory kept */
uint8_t *buf_reserve(struct buf *b, size_t n); /* room for n more at the returned end */
void buf_put(struct buf *b, const void *bytes, size_t n);
void buf_putc(struct buf *b, char c);
void buf_puts(struct buf *b, const char *text); /* without its NUL */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_cstr(struct buf *b); /* NUL-terminated in place, len unchanged */

/* Allocation that exits with a sentence instead of returning NULL. free() releases it. */
void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));

#endif
