/*
 * One request, between the files of the HTTP side. It is a single allocation (the struct, its
 * fields, its strings) plus body and scraps, belongs to its connection until `enter`, and from then
 * on to whoever must answer it.
 */
#ifndef SG_HTTP_REQ_H
#define SG_HTTP_REQ_H

#include "net/gate.h"
#include "net/net.h"

#define PARAMS_MAX 6u
#define QUERY_MAX 64u

struct http_field {
    char *name, *value;
}; /* name in lower case */
struct http_pair {
    const char *name, *value;
};

struct scrap { /* memory that lives as long as the request */
    struct scrap *next;
    char bytes[];
};

struct http_req {
    struct conn *conn; /* NULL: gone */
    struct net_loop *net;
    const struct http_route *route;
    enum http_method method;
    const char *method_name, *target, *path;
    struct http_field *fields;
    uint32_t field_count, query_count;
    struct http_pair *query;
    struct http_pair params[PARAMS_MAX];
    uint32_t param_count;
    struct buf body, set; /* content; response header lines */
    struct scrap *scraps;
    uint64_t content_length;
    int64_t started_us;
    uint64_t sql_us;
    actor_id worker;
    char *log_user, *log_tenant, *log_step, *log_error;
    char id[65], peer[46];
    uint8_t addr[16];
    bool http10 : 1, keep_alive : 1, chunked : 1, has_length : 1, expects : 1, upgrade : 1;
    bool secure : 1, loopback : 1, entered : 1, answered : 1, close : 1;
    bool prepared : 1; /* its bytes are as they shall be sent: not to be compressed */
};

/* http_head.c: F_none, or why it is refused. *ret is made in either case. */
enum fault req_parse(struct conn *c, const struct gate *g, const uint8_t *head, size_t n,
                     struct http_req **ret);
/* For a head that could not be read: of what the gate passed of it, only its Accept-Language. */
struct http_req *req_blank(struct conn *c, const uint8_t *head, size_t n);
void req_free(struct http_req *r);
char *req_scrap(struct http_req *r, size_t n);
bool list_has(const char *value,
              const char *token); /* a comma-separated list has the token (any case) */

/* router.c */
enum route_answer { ROUTE_FOUND, ROUTE_NONE, ROUTE_METHOD };
enum route_answer route_find(struct http_req *r, const char **ret_allow); /* allow: a scrap */

/* url.c: decode in place; false when malformed, NUL or not UTF-8 */
bool url_decode(char *s, bool plus, size_t *ret_len);
bool url_query(struct http_req *r, char *raw);

/* peer.c */
void peer_resolve(struct http_req *r); /* addr, peer, secure, loopback: through proxies */
void peer_text(const uint8_t addr[16], char out[46]);
bool peer_loopback(const uint8_t addr[16]);
bool peer_private(const uint8_t addr[16]);
int peer_parse(const char *text, uint8_t addr[16]); /* 0 or -EINVAL */
int peer_proxies(const char *const *texts);         /* copies; -EINVAL: one is no address */

/* http_answer.c */
void http_refuse_with(struct http_req *r, enum fault why); /* by the maker, or plainly */
bool http_takes_gzip(const struct http_req *r);
void http_log(struct http_req *r, int status, uint64_t bytes);
void http_answer_raw(struct conn *c, const char *bytes, size_t n); /* 100 Continue, 101 */

/* http_conn.c */
void http_answered(struct conn *c, bool close); /* the request under way is answered */
void http_handover(struct conn *c);             /* to WebSocket: the rest of the input goes there */

/* zip.c: zlib on one state a loop */
bool zip_gzip(struct net_loop *net, const void *p, size_t n, struct buf *out);
bool zip_deflate(struct net_loop *net, const void *p, size_t n,
                 struct buf *out); /* raw, one message, without the 00 00 ff ff tail */
/* 0; -EMSGSIZE: over max; -EINVAL: damaged. The bytes are valid until the next call. */
int zip_inflate(struct net_loop *net, const void *p, size_t n, size_t max, uint8_t **ret,
                size_t *ret_n);

#endif
