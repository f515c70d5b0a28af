/*
 * The queue in front of the hashing threads. At most `workers` attempts run at once, so others keep
 * the cores; a full queue says so at once. Throttles are exact: an attempt that could exceed one
 * only together with others that run now begins anew when they are done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"
#include "signin_private.h"
#include "stacgate/config.h"
#include "stacgate/log.h"

struct queue {
    struct job *first, **last; /* waiting, through next */
    struct job *running;       /* through next */
    unsigned waiting, busy, workers;
};

actor_id signin_actor(void)
{
    return actor_whereis("signin", "queue");
}

/* ---- bodies that hold passwords ---- */

static void wipe(struct body *b)
{
    explicit_bzero(b->bytes, b->len);
    free(b);
}

struct body *signin_body(struct str email, struct str password, const char *address, bool loopback)
{
    struct body *b = body_alloc(sizeof(struct signin_question) + password.n + 1);
    struct signin_question *q = (struct signin_question *)(void *)b->bytes;

    b->drop = wipe;
    memset(q, 0, sizeof(*q));
    memcpy(q->email, email.p, email.n < sizeof(q->email) ? email.n : sizeof(q->email) - 1);
    strncpy(q->address, address, sizeof(q->address) - 1);
    q->loopback = loopback;
    q->password_len = (uint32_t)password.n;
    memcpy(q->password, password.p, password.n);
    q->password[password.n] = 0;
    return b;
}

struct body *signin_check_body(struct str email, struct str password, const char *address)
{
    struct body *b = signin_body(email, password, address, true);

    ((struct signin_question *)(void *)b->bytes)->check_only = true;
    return b;
}

struct body *password_body(struct str password)
{
    struct body *b = body_alloc(sizeof(struct password_question) + password.n + 1);
    struct password_question *q = (struct password_question *)(void *)b->bytes;

    b->drop = wipe;
    q->password_len = (uint32_t)password.n;
    memcpy(q->password, password.p, password.n);
    q->password[password.n] = 0;
    return b;
}

/* ---- jobs ---- */

static struct job *job_make(const struct msg *m)
{
    struct job *j = xcalloc(1, sizeof(*j));

    j->refs = 1;
    j->question = msg_keep(m);
    j->body = body_ref(m->body);
    if (m->kind != MSG_SIGNIN)
        return j;
    const struct signin_question *q = (const struct signin_question *)(const void *)m->body->bytes;
    char lower[256];
    size_t n = strlen(q->email);
    for (size_t i = 0; i < n; i++)
        lower[i] =
            q->email[i] >= 'A' && q->email[i] <= 'Z' ? (char)(q->email[i] | 32) : q->email[i];
    sha256_hex(lower, n, j->account);
    sha256_hex(q->address, strlen(q->address), j->address);
    return j;
}

void job_unref(struct job *j)
{
    if (--j->refs > 0)
        return;
    body_unref(j->body);
    free(j);
}

static void push_back(struct queue *q, struct job *j)
{
    j->next = NULL;
    *q->last = j;
    q->last = &j->next;
    q->waiting++;
}

static struct job *take_at(struct queue *q, struct job **at)
{
    struct job *j = *at;

    *at = j->next;
    if (!*at)
        q->last = at;
    q->waiting--;
    return j;
}

/* How many of the running ones share its keys. */
static void look_ahead(const struct queue *q, struct job *j)
{
    j->ahead_pair = j->ahead_account = j->ahead_address = 0;
    for (const struct job *r = q->running; j->account[0] && r; r = r->next) {
        bool account = strcmp(r->account, j->account) == 0,
             address = strcmp(r->address, j->address) == 0;
        j->ahead_account += account;
        j->ahead_address += address;
        j->ahead_pair += account && address;
    }
}

static struct job **runnable(struct queue *q)
{
    for (struct job **at = &q->first; *at; at = &(*at)->next) {
        look_ahead(q, *at);
        if (!(*at)->alone || (*at)->ahead_account + (*at)->ahead_address == 0)
            return at;
    }
    return NULL;
}

static actor_step attempt_ended;

static void pump(struct actor *self, struct queue *q)
{
    struct job **at;

    while (q->busy < q->workers && (at = runnable(q))) {
        struct job *j = take_at(q, at);
        j->attempt = actor_spawn(&attempt_type, j);
        if (!j->attempt) {
            if (!j->answered)
                actor_reply(&j->question, -ENOBUFS, NULL);
            job_unref(j);
            continue;
        }
        j->next = q->running;
        q->running = j;
        q->busy++;
        actor_monitor(self, j->attempt, attempt_ended);
    }
}

static int attempt_ended(struct actor *self, void *state, const struct msg *m)
{
    struct queue *q = state;

    for (struct job **at = &q->running; *at; at = &(*at)->next)
        if ((*at)->attempt == m->from) {
            struct job *j = *at;
            *at = j->next;
            q->busy--;
            if (m->status == -EAGAIN) {
                j->alone = true;
                push_back(q, j);
            } else {
                job_unref(j);
            }
            break;
        }
    pump(self, q);
    return 0;
}

static void refuse(const struct msg *m)
{
    struct signin_answer busy = {.outcome = SIGNIN_BUSY, .retry_s = 5};

    if (m->kind == MSG_SIGNIN)
        actor_reply(m, 0, body_make(&busy, sizeof(busy)));
    else
        actor_reply(m, -EAGAIN, NULL);
}

static int receive(struct actor *self, void *state, const struct msg *m)
{
    struct queue *q = state;

    if (m->kind != MSG_SIGNIN && m->kind != MSG_PASSWORD)
        return 0;
    if (q->waiting >= config.signin_queue) {
        refuse(m);
        return 0;
    }
    push_back(q, job_make(m));
    pump(self, q);
    return 0;
}

/* ---- the actor ---- */

static unsigned workers_by_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores >= 8 ? 3
           : cores >= 4
               ? 2
               : 1; /* fewer than the thread pool has, so that files are served meanwhile */
}

static int init(struct actor *self, void *state, const void *arg)
{
    struct queue *q = state;

    (void)self;
    (void)arg;
    q->last = &q->first;
    q->workers = config.signin_workers ? config.signin_workers : workers_by_cores();
    return 0;
}

static void destroy_all(struct job *j, bool answer)
{
    while (j) {
        struct job *next = j->next;
        if (answer)
            actor_reply(&j->question, -ECANCELED, NULL);
        job_unref(j);
        j = next;
    }
}

static void terminate(struct actor *self, void *state, int result)
{
    struct queue *q = state;

    (void)self;
    if (result < 0 && result != -ESHUTDOWN)
        log_msg(LOG_ERROR, "signin_ended", "the sign-in queue ended: %s", strerror(-result));
    for (struct job *j = q->running; j; j = j->next)
        actor_stop(j->attempt, -ECANCELED);
    destroy_all(q->first, true);
    destroy_all(q->running, false);
}

static const struct actor_type queue_type = {.name = "signin",
                                             .state_size = sizeof(struct queue),
                                             .mailbox_max = 10000,
                                             .init = init,
                                             .receive = receive,
                                             .terminate = terminate};

void signin_setup(void)
{
    actor_kind("signin", &queue_type);
}
