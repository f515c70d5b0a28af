/*
 * Keys of session tickets (RFC 5077, RFC 8446 4.6.1): one seals new tickets, the one before it
 * still opens what it sealed. They live in memory only, are shared by all loops, and a turn
 * overwrites the older one: whoever reads this process's memory can open a recorded session's
 * ticket of at most two turns.
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "net/tls.h"
#include "stacgate/ids.h"

struct ticket_key {
    uint8_t name[16], cipher[32], mac[32];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ticket_key keys[2]; /* the one that seals, the one before it */
static unsigned count;            /* of keys that are good */
static int64_t born_ms;

static void keys_turn(void)
{
    keys[1] = keys[0];
    random_bytes(&keys[0], sizeof(keys[0]));
    count = count < 2 ? count + 1 : 2;
}

void tickets_turn(int64_t now_ms)
{
    pthread_mutex_lock(&lock);
    if (count && !born_ms)
        born_ms = now_ms; /* made before there was a clock */
    if (!count || now_ms - born_ms >= TICKET_KEY_MS) {
        keys_turn();
        born_ms = now_ms;
    }
    pthread_mutex_unlock(&lock);
}

void tickets_forget(void)
{
    pthread_mutex_lock(&lock);
    OPENSSL_cleanse(keys, sizeof(keys));
    count = 0;
    keys_turn();
    pthread_mutex_unlock(&lock);
}

static void key_to_seal(struct ticket_key *ret)
{
    pthread_mutex_lock(&lock);
    if (!count)
        keys_turn();
    *ret = keys[0];
    pthread_mutex_unlock(&lock);
}

/* Whether there is one of that name; ret_old: it seals no more. */
static bool key_named(const uint8_t name[16], struct ticket_key *ret, bool *ret_old)
{
    unsigned i = 0;
    pthread_mutex_lock(&lock);
    while (i < count && memcmp(keys[i].name, name, sizeof(keys[i].name)) != 0)
        i++;
    bool found = i < count;
    if (found)
        *ret = keys[i];
    pthread_mutex_unlock(&lock);
    *ret_old = i > 0;
    return found;
}

static bool mac_set(EVP_MAC_CTX *mac, struct ticket_key *k)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac, sizeof(k->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int ticket_seal(uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key k;
    key_to_seal(&k);
    memcpy(name, k.name, sizeof(k.name));
    random_bytes(iv, (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
    bool good =
        EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.cipher, iv) == 1 && mac_set(mac, &k);
    OPENSSL_cleanse(&k, sizeof(k));
    return good ? 1 : -1;
}

static int ticket_open(const uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key k;
    bool old;
    if (!key_named(name, &k, &old))
        return 0; /* a whole handshake follows */
    bool good =
        mac_set(mac, &k) && EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.cipher, iv) == 1;
    OPENSSL_cleanse(&k, sizeof(k));
    return !good ? -1 : old ? 2 : 1; /* 2: a new ticket is given for it */
}

static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int seal)
{
    (void)ssl;
    return seal ? ticket_seal(name, iv, cipher, mac) : ticket_open(name, iv, cipher, mac);
}

void tickets_attach(SSL_CTX *ctx)
{
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key);
}
