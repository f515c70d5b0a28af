/*
 * Random ids, digests and time: the only places where the process asks the kernel or the clock.
 * Tests may install another source (one process can then replay a seed).
 */
#ifndef STACGATE_IDS_H
#define STACGATE_IDS_H

#include <stddef.h>
#include <stdint.h>

#define UUID_SIZE 37 /* 36 characters and NUL */
#define ISO_SIZE 25  /* 2026-01-02T03:04:05.678Z and NUL */

void random_bytes(void *out, size_t n); /* kernel CSPRNG */
/* Version 7, RFC 9562 section 5.7: the wall clock's milliseconds, then 74 random bits. Rows made
 * together lie together in an index of their ids. */
void uuid_make(char out[UUID_SIZE]);
void random_token(char *out,
                  size_t out_size); /* base64url characters, NUL-terminated; 6 bits each */
void sha256_hex(const void *p, size_t n, char out[65]);
uint64_t sha256_u64(const void *p, size_t n); /* the digest's first 8 bytes */
uint64_t siphash(const void *p, size_t n);    /* SipHash-1-3, keyed at start: for hash tables */
uint64_t siphash_keyed(const uint64_t key[2], const void *p,
                       size_t n); /* the same with a key of the caller's */

int64_t mono_ms(void); /* CLOCK_MONOTONIC, ms */
int64_t mono_us(void);
int64_t wall_ms(void); /* CLOCK_REALTIME, ms since 1970 UTC */
void iso_time(char out[ISO_SIZE], int64_t wall_ms);
/* The moment that n bytes of RFC 3339 name ("2026-01-02T03:04:05.6+02:00", "…Z"; seconds may be
 * absent), in wall ms, cut. 0; -EINVAL: another form, or a day that no calendar has. */
int iso_parse(const char *s, size_t n, int64_t *ret_ms);

struct ids_source { /* NULL members keep the kernel's */
    void (*random)(void *out, size_t n);
    int64_t (*mono_us)(void);
    int64_t (*wall_ms)(void);
};
void ids_use(const struct ids_source *source); /* tests only; before any loop starts */

#endif
