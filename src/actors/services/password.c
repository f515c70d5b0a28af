/*
 * The only place that hashes passwords. Unknown accounts cost what known ones cost: a hash that no
 * password fits stands in. What is compared is compared in constant time.
 */
#include <argon2.h>
#include <assert.h>
#include <crypt.h>
#include <ctype.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "password.h"
#include "stacgate/buf.h"
#include "stacgate/ids.h"

#define MEMORY_KIB 19456
#define PASSES 2
#define LANES 1
#define SALT_BYTES 16
#define HASH_BYTES 32
#define MEMORY_KIB_MAX                                                                             \
    (256 *                                                                                         \
     1024) /* of a hash that we are asked to check: a damaged row must not ask for a terabyte */
#define PASSES_MAX 16
#define LANES_MAX 16
#define BCRYPT_MAX 72 /* bytes; bcrypt would silently cut what is longer */

/* Salt and digest are arbitrary: no known password has this hash. */
static const char nobodys_hash[] = "$argon2id$v=19$m=19456,t=2,p=1$c3RhY2dhdGVub2JvZHkhIQ$"
                                   "XkB1qmvY0Wl9sVvK2cQ4nT7uE8oR3aZp6HdLxGfJbM0";

char *password_make(const char *password, size_t n)
{
    uint8_t salt[SALT_BYTES];
    size_t size = argon2_encodedlen(PASSES, MEMORY_KIB, LANES, SALT_BYTES, HASH_BYTES, Argon2_id);
    char *encoded = xmalloc(size);

    random_bytes(salt, sizeof(salt));
    int err = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password, n, salt, sizeof(salt),
                                    HASH_BYTES, encoded, size);
    assert(err == ARGON2_OK || err == ARGON2_MEMORY_ALLOCATION_ERROR);
    if (err == ARGON2_OK)
        return encoded;
    free(encoded);
    return NULL;
}

static bool is_bcrypt(const char *hash)
{
    return strncmp(hash, "$2a$", 4) == 0 || strncmp(hash, "$2b$", 4) == 0 ||
           strncmp(hash, "$2y$", 4) == 0;
}

static bool bcrypt_fits(const char *password, size_t n, const char *hash)
{
    struct crypt_data *data = xcalloc(1, sizeof(*data));
    char *text = xstrndup(password, n);
    const char *got = crypt_r(text, hash, data);
    size_t len = strlen(hash);
    bool fits = n <= BCRYPT_MAX && got && strlen(got) == len && CRYPTO_memcmp(got, hash, len) == 0;

    OPENSSL_cleanse(text, n);
    OPENSSL_cleanse(data, sizeof(*data));
    free(text);
    free(data);
    return fits;
}

static bool read_cost(const char *hash, unsigned *m, unsigned *t, unsigned *p)
{
    return sscanf(hash, "$argon2id$v=19$m=%u,t=%u,p=%u$", m, t, p) == 3;
}

static bool payable(const char *hash)
{
    unsigned m, t, p;

    return read_cost(hash, &m, &t, &p) && m <= MEMORY_KIB_MAX && t <= PASSES_MAX && p <= LANES_MAX;
}

bool password_fits(const char *password, size_t n, const char *hash)
{
    if (hash && is_bcrypt(hash))
        return bcrypt_fits(password, n, hash);
    bool known = hash && payable(hash);
    int err = argon2id_verify(known ? hash : nobodys_hash, password, n);
    return known && err == ARGON2_OK;
}

bool password_outdated(const char *hash)
{
    unsigned m, t, p;

    return !read_cost(hash, &m, &t, &p) || m < MEMORY_KIB || t < PASSES;
}

static int compare(const void *key, const void *entry)
{
    return strcmp(key, *(const char *const *)entry);
}

static bool listed(const char *word)
{
    return bsearch(word, common_passwords, common_password_count, sizeof(char *), compare) != NULL;
}

bool password_common(const char *password, size_t n)
{
    char word[64];
    size_t end = n;

    if (n >= sizeof(word))
        return false;
    for (size_t i = 0; i < n; i++)
        word[i] = (char)tolower((unsigned char)password[i]);
    word[n] = 0;
    if (listed(word))
        return true;
    /* One character again and again, and a listed word behind a row of digits and marks, are
     * guessed as early. */
    if (n && strspn(word, (char[]){word[0], 0}) == n)
        return true;
    while (end > 0 &&
           (isdigit((unsigned char)word[end - 1]) || strchr("!?.*@#$-_+", word[end - 1])))
        end--;
    word[end] = 0;
    return end >= 4 && end < n && n - end <= 4 && listed(word);
}
