/*
 * Randomness, digests and clocks: the one door to the kernel for what must be replayable under a
 * seed. The hash-table key is drawn once, before main(), and again when a test installs its own
 * randomness.
 */
#include "stacgate/ids.h"

#include <assert.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static struct ids_source source;
static uint64_t sip_key[2];

void random_bytes(void *out, size_t n)
{
    if (source.random) {
        source.random(out, n);
        return;
    }
    uint8_t *p = out;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0) {
            assert(errno == EINTR); /* the only failure a valid buffer leaves */
            continue;
        }
        p += got;
        n -= (size_t)got;
    }
}

__attribute__((constructor)) static void draw_sip_key(void)
{
    random_bytes(sip_key, sizeof sip_key);
}

void ids_use(const struct ids_source *s)
{
    source = s ? *s : (struct ids_source){0};
    draw_sip_key();
}

void uuid_make(char out[UUID_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t ms = (uint64_t)wall_ms();
    uint8_t b[16];
    random_bytes(b + 6, sizeof b - 6);
    for (unsigned i = 6; i-- > 0; ms >>= 8)
        b[i] = (uint8_t)ms;
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x70); /* version 7 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = hex[b[i] >> 4];
        *out++ = hex[b[i] & 15];
    }
    *out = '\0';
}

void random_token(char *out, size_t out_size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert(out_size > 0);
    random_bytes(out, out_size);
    for (size_t i = 0; i + 1 < out_size; i++)
        out[i] = alphabet[(uint8_t)out[i] & 63];
    out[out_size - 1] = '\0';
}

void sha256_hex(const void *p, size_t n, char out[65])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256(p, n, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[64] = '\0';
}

uint64_t sha256_u64(const void *p, size_t n)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256(p, n, digest);
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | digest[i];
    return v;
}

/* ---- SipHash (https://www.aumasson.jp/siphash/siphash.pdf), one compression round, three to
 * finish */

static inline uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static uint64_t load_le(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static inline void sip_absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

uint64_t siphash_keyed(const uint64_t key[2], const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
                     key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL};
    size_t i = 0;
    for (; n - i >= 8; i += 8)
        sip_absorb(v, load_le(p + i, 8));
    sip_absorb(v, (uint64_t)n << 56 | load_le(p + i, n - i));
    v[2] ^= 0xff;
    for (int round = 0; round < 3; round++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t siphash(const void *p, size_t n)
{
    return siphash_keyed(sip_key, p, n);
}

/* ---- time */

static int64_t clock_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t mono_us(void)
{
    return source.mono_us ? source.mono_us() : clock_us(CLOCK_MONOTONIC);
}
int64_t mono_ms(void)
{
    return mono_us() / 1000;
}
int64_t wall_ms(void)
{
    return source.wall_ms ? source.wall_ms() : clock_us(CLOCK_REALTIME) / 1000;
}

static void put_digits(char *out, int64_t v, int digits)
{
    for (int i = digits - 1; i >= 0; i--, v /= 10)
        out[i] = (char)('0' + v % 10);
}

void iso_time(char out[ISO_SIZE], int64_t ms)
{
    static const int64_t last = 253402300799999; /* the end of year 9999 */
    ms = ms < 0 ? 0 : ms > last ? last : ms;
    int64_t day = ms / 86400000, in_day = ms % 86400000;
    /* Days to a date in years that begin in March:
     * http://howardhinnant.github.io/date_algorithms.html */
    int64_t shifted = day + 719468, era = shifted / 146097, of_era = shifted % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t march = (5 * of_year + 2) / 153;
    int64_t month = march < 10 ? march + 3 : march - 9;
    memcpy(out, "0000-00-00T00:00:00.000Z", ISO_SIZE);
    put_digits(out, year + era * 400 + (month <= 2), 4);
    put_digits(out + 5, month, 2);
    put_digits(out + 8, of_year - (153 * march + 2) / 5 + 1, 2);
    put_digits(out + 11, in_day / 3600000, 2);
    put_digits(out + 14, in_day / 60000 % 60, 2);
    put_digits(out + 17, in_day / 1000 % 60, 2);
    put_digits(out + 20, in_day % 1000, 3);
}

/* Exactly n digits at *at, which moves on; -1: they are not there. */
static int64_t take_digits(const char **at, const char *end, int n)
{
    int64_t v = 0;

    if (end - *at < n)
        return -1;
    for (; n > 0; n--, (*at)++) {
        if (**at < '0' || **at > '9')
            return -1;
        v = v * 10 + (**at - '0');
    }
    return v;
}

static bool take_char(const char **at, const char *end, char c)
{
    if (*at == end || **at != c)
        return false;
    (*at)++;
    return true;
}

static int days_of_month(int64_t year, int64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* As in iso_time, the other way. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* ":05.678", each part may be absent, in ms; -1: neither. */
static int64_t take_seconds(const char **at, const char *end)
{
    int64_t ms = 0, unit = 100;

    if (!take_char(at, end, ':'))
        return 0;
    int64_t seconds = take_digits(at, end, 2);
    if (seconds < 0 || seconds > 59)
        return -1;
    if (!take_char(at, end, '.'))
        return seconds * 1000;
    if (*at == end || **at < '0' || **at > '9')
        return -1;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
        ms += (**at - '0') * unit;
    return seconds * 1000 + ms;
}

/* Minutes east of Greenwich; INT64_MIN: there is no zone here, and nothing else. */
static int64_t take_zone(const char **at, const char *end)
{
    int sign = take_char(at, end, '+') ? 1 : take_char(at, end, '-') ? -1 : 0;

    if (sign == 0)
        return take_char(at, end, 'Z') ? 0 : INT64_MIN;
    int64_t hours = take_digits(at, end, 2);
    bool colon = take_char(at, end, ':');
    int64_t minutes = take_digits(at, end, 2);
    if (!colon || hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
        return INT64_MIN;
    return sign * (hours * 60 + minutes);
}

int iso_parse(const char *s, size_t n, int64_t *ret_ms)
{
    const char *at = s, *end = s + n;
    int64_t year = take_digits(&at, end, 4);
    bool form = take_char(&at, end, '-');
    int64_t month = take_digits(&at, end, 2);
    form = take_char(&at, end, '-') && form;
    int64_t day = take_digits(&at, end, 2);
    form = take_char(&at, end, 'T') && form;
    int64_t hour = take_digits(&at, end, 2);
    form = take_char(&at, end, ':') && form;
    int64_t minute = take_digits(&at, end, 2);

    if (!form || year < 1 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || day > days_of_month(year, month))
        return -EINVAL;
    int64_t ms = take_seconds(&at, end), zone = take_zone(&at, end);
    if (ms < 0 || zone == INT64_MIN || at != end)
        return -EINVAL;
    *ret_ms = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute - zone) * 60000 + ms;
    return 0;
}
