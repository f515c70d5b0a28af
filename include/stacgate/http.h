/*
 * The HTTP/1.1 server (RFC 9110, 9112) on every loop: bytes → head gate → llhttp → router → the
 * route's `enter`, once the whole body is there. A request is answered once, at any later time on
 * the same loop; answers of pipelined requests go out in order. Nothing here knows what a course
 * is.
 */
#ifndef STACGATE_HTTP_H
#define STACGATE_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "stacgate/actor.h"
#include "stacgate/loop.h"
#include "stacgate/mp.h"
#include "stacgate/tally.h"

struct http_req; /* one request; lives until answered, also when its connection is gone */

enum http_method {
    HTTP_M_GET,
    HTTP_M_HEAD,
    HTTP_M_POST,
    HTTP_M_PUT,
    HTTP_M_PATCH,
    HTTP_M_DELETE,
    HTTP_M_OPTIONS,
    HTTP_METHODS
};

struct http_route {
    enum http_method method; /* GET serves HEAD too */
    const char *path;        /* "/api/study-groups/:id/join"; a last segment "*rest" takes the rest,
                                slashes included */
    void (*enter)(struct http_req *req);
    const void *op;    /* the upper floor's own row */
    uint32_t body_max; /* bytes; 0: no body allowed (413/415); above: 413 before it is read */
    bool upgrade;      /* a WebSocket handshake: anything else is 426 */
};

/* Routes are given before the runtime starts; they and their strings outlive it. */
void http_routes(const struct http_route *routes, unsigned count);
/* Why a request is refused without an operation: the status, and what was wrong with it for who
 * wrote it. */
struct http_fault {
    int status;
    const char *text[2]; /* French, English */
};
/* Called for requests that no route takes (404), that the router refuses (405, 413, …) and for
 * malformed ones: makes the body. Of a head that could not be read only Accept-Language is there.
 */
typedef void http_refuse(struct http_req *req, const struct http_fault *why);
void http_on_refused(http_refuse *refuse);
/*
 * Called for each request with a good head and an allowed transport, before its route is looked at:
 * it may http_set (CORS), or answer (a preflight): true when it has answered.
 */
void http_on_request(bool (*hook)(struct http_req *req));
/* Routes for conformance suites: POST /test/echo answers the body, /test/ws echoes messages byte
 * for byte. */
extern const struct http_route net_test_routes[];
extern const unsigned net_test_route_count;

/* ---- reading a request. Strings are valid until it is answered. ---- */
enum http_method http_method(const struct http_req *r); /* as sent: HEAD stays HEAD */
const char *http_method_name(const struct http_req *r);
const char *
http_path(const struct http_req *r); /* percent-decoded, without query; valid UTF-8, no NUL */
const char *http_target(const struct http_req *r);                /* as sent */
const struct http_route *http_route_of(const struct http_req *r); /* NULL when refused before */
const char *http_param(const struct http_req *r,
                       const char *name); /* decoded path segment; NULL: none */
const char *http_header(const struct http_req *r,
                        const char *lower_name); /* joined with ", " when repeated; NULL: none */
const char *http_cookie(const struct http_req *r, const char *name, char *out,
                        size_t out_size); /* out, or NULL */
struct str http_body(const struct http_req *r);
/* Query parameters in the order sent, percent-decoded. false: none left. A malformed query is
 * refused with 400 before `enter`. */
bool http_query_each(const struct http_req *r, unsigned *i, const char **ret_name,
                     const char **ret_value);
const char *http_query(const struct http_req *r, const char *name); /* the first; NULL: none */
const char *http_request_id(const struct http_req *r); /* X-Request-Id if sane, else made */
const char *http_peer(
    const struct http_req *r); /* address text: the client's, through configured proxies only */
bool http_secure(const struct http_req *r);   /* TLS here, or a configured proxy says https */
bool http_loopback(const struct http_req *r); /* a direct loopback peer */
bool http_aborted(const struct http_req *r);  /* nobody waits for the answer any more */
int64_t http_started_us(const struct http_req *r);

/* The actor that works for this request: it gets actor_stop(…, -ECANCELED) when the connection dies
 * before the answer. 0 clears. */
void http_worker(struct http_req *r, actor_id who);

/* ---- answering ---- */
void http_set(
    struct http_req *r, const char *name,
    const char *value); /* a response header; repeatable; copied; CR LF NUL asserted absent */
void http_log_user(struct http_req *r, const char *user_id,
                   const char *establishment_id);   /* for the request log */
void http_log_sql(struct http_req *r, uint64_t us); /* adds up */
void http_log_error(struct http_req *r, const char *step,
                    const char *error); /* 5xx lines say where */

/*
 * Ends the request. Adds Date, Content-Length, X-Request-Id, nosniff, HSTS when secure …; leaves
 * out the body for HEAD and 304; gzips compressible bodies over 1 KiB when the client takes it.
 * Takes the reference; body may be NULL. `at`/`len` choose a part of the body's bytes, or bytes
 * that the body owns elsewhere (a PGresult's value): http_respond_bytes. There owner NULL means
 * that the bytes live as long as the process. Without a Content-Encoding set before, and only then,
 * the body may be gzipped here.
 */
void http_respond(struct http_req *r, int status, const char *content_type, struct body *body);
void http_respond_bytes(struct http_req *r, int status, const char *content_type, struct str bytes,
                        struct body *owner);
/*
 * Which part of n bytes with this tag (quotes and all) a GET asks for by Range and If-Range. 1: the
 * bytes from *ret_from up to, not with, *ret_to, to answer with 206; 0: all of them; -1: none that
 * there is, 416. Sets Accept-Ranges and Content-Range.
 */
int http_range(struct http_req *r, const char *etag, size_t n, size_t *ret_from, size_t *ret_to);
/* 304: what 200 with n bytes of this type would say, their tag as they would come among it. */
void http_unchanged(struct http_req *r, const char *content_type, size_t n);

/* ---- the server: a loop_service ---- */
struct http_options {
    const char *host;               /* numeric address or localhost */
    uint16_t port;                  /* 0: any; http_port() tells */
    const char *tls_cert, *tls_key; /* PEM files; NULL: plain */
    bool insecure_lan;              /* plain HTTP beyond loopback, private addresses only */
    const char *const *proxies;     /* NULL-terminated addresses whose X-Forwarded-* count */
    /* 0: the default. body_min_rate in bytes a second; connections_max per process; pipeline_max:
     * answers of one connection a turn. */
    uint32_t head_max, header_count_max, idle_ms, head_ms, body_min_rate, connections_max,
        pipeline_max, accepts_per_turn;
};
void http_configure(const struct http_options *o); /* copies; before the runtime starts */
/* Binds without SO_REUSEPORT first: -EADDRINUSE, -EACCES, -EINVAL … with a sentence in *ret_error
 * (free()). Before the runtime starts. */
int http_bind(char **ret_error);
uint16_t http_port(void);
/*
 * The certificate and the key are looked at again within a second or so; they are anyway every few
 * seconds. From any thread or signal handler.
 */
void http_reload(void);
/* Whether a server could use the two files: 0 and when the first certificate of the chain ends
 * (unix seconds), or -EINVAL with a sentence (free()). Blocks. */
int http_tls_check(const char *cert, const char *key, int64_t *ret_ends, char **ret_error);
extern const struct loop_service http_service;

/* Static files from memory-mapped or embedded tables: see static.h. Request log: written by
 * http_respond. */

enum { HTTP_CONN_STATES = 4, HTTP_CLOSE_CODES = 14, HTTP_QUEUE_LIMITS = 3 };
struct http_stats {
    uint64_t accepted, requests, refused, timeouts, bytes_in, bytes_out;
    uint64_t deflated;                 /* WebSocket messages compressed, each once */
    uint64_t tls_reloads, tls_refused; /* new certificates: taken into use, of no use */
    uint64_t connections, websockets;
    uint64_t longpolls;                       /* connections without a socket */
    uint64_t by_state[HTTP_CONN_STATES];      /* open sockets */
    uint64_t closes[HTTP_CLOSE_CODES + 1];    /* WebSocket connections that ended, by code */
    uint64_t queue_closes[HTTP_QUEUE_LIMITS]; /* … with 4008, by the limit that was met */
};
const char *http_conn_state(unsigned at); /* "handshake" (TLS) | "http" | "websocket" | "closing" */
unsigned http_close_code(unsigned at);    /* 1000 …; 0, the last: any other */
const char *http_queue_limit(unsigned at); /* "connection" | "age" | "all" */
uint64_t http_queued(void);                /* bytes on all queues, shared frames once a loop */
bool http_tls(void);
void http_stats(unsigned loop, struct http_stats *ret);

#endif
