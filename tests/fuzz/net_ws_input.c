/*
 * Frames from a stranger into a connection without a socket to speak of: every message that is
 * delivered must be within the limit, and text valid UTF-8, however the bytes are cut. Needs a
 * loop: one runs around each input.
 */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_req.h"
#include "stacgate/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 4096u

static const uint8_t *input;
static size_t input_n;

static void message(void *arg, enum ws_opcode op, const uint8_t *bytes, size_t n)
{
    (void)arg;
    assert(n <= MESSAGE_MAX);
    assert(op != WS_TEXT || utf8_valid((const char *)bytes, n));
}

static void closed(void *arg, uint16_t code)
{
    (void)arg;
    assert(code >= 1000);
}

static const struct ws_handler handler = {.message = message, .closed = closed};

static void feed(bool packs, size_t step)
{
    int pair[2];
    static const uint8_t nobody[16];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
        return;
    struct conn *c = conn_open(net_here(), pair[0], nobody);
    c->state = CONN_WS;
    c->handler = &handler;
    c->message_max = MESSAGE_MAX;
    c->deflate = packs;
    tally_add(&c->net->stats.websockets, 1);
    for (size_t off = 0; off < input_n && c->state == CONN_WS; off += step) {
        size_t n = input_n - off < step ? input_n - off : step;
        uint8_t *piece = xmalloc(n);
        memcpy(piece, input + off, n);
        ws_input(c, piece, n);
        free(piece);
    }
    conn_die(c, 1006);
    conn_turn_end(c->net);
    close(pair[1]);
}

static void ready(void)
{
    feed(false, SIZE_MAX);
    feed(true, 7);
    feed(true, 1);
    runtime_drain();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct loop_service *const services[] = {&http_service, NULL};
    char *error = NULL;
    input = data;
    input_n = size < 60000 ? size : 60000;
    log_open(LOG_ERROR, "/dev/null");
    http_configure(&(struct http_options){.host = "127.0.0.1"});
    if (http_bind(&error) == 0)
        runtime_run(&(struct runtime_options){
            .loops = 1, .drain_ms = 100, .services = services, .ready = ready});
    free(error);
    log_close();
    return 0;
}
