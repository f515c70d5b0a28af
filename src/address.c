/*
 * Which addresses a server may be put on: passwords and messages cross no network in the clear
 * unless the operator said so. Asked by `serve` before it listens and by `check`.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "stacgate/buf.h"
#include "stacgate/config.h"

static bool is_numeric(const char *host)
{
    uint8_t address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

char *address_problem(void)
{
    struct buf b = BUF_INIT;

    if (config.port > 65535)
        buf_printf(&b,
                   say("--port %u : un port va de 0 à 65535", "--port %u: a port is 0 to 65535"),
                   config.port);
    else if (strcmp(config.host, "localhost") != 0 && !is_numeric(config.host))
        buf_printf(&b,
                   say("--host %s : donnez une adresse IP de cette machine, ou localhost",
                       "--host %s: give an IP address of this machine, or localhost"),
                   config.host);
    else if (!is_loopback(config.host) && !config.tls_cert && !config.proxies &&
             !config.insecure_lan)
        buf_printf(&b,
                   say("--host %s sans chiffrement : donnez --tls-cert et --tls-key, ou --proxies, "
                       "ou --insecure-lan sur un réseau privé",
                       "--host %s without encryption: give --tls-cert and --tls-key, or --proxies, "
                       "or --insecure-lan on a private network"),
                   config.host);
    if (!b.len)
        return NULL;
    char *sentence = xstrdup(buf_cstr(&b));
    buf_finish(&b);
    return sentence;
}
