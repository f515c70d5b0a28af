/*
 * Looks for a new certificate every few seconds, and at once when asked: in the thread pool, since
 * a file may lie on a network, one look at a time and without a deadline. A good pair is what new
 * connections get from then on; those that are open keep theirs. A bad one is said once, and what
 * was served before is served on. The watcher also turns the tickets' keys and says when the
 * certificate nears its end.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "net/net.h"
#include "net/tls.h"
#include "stacgate/config.h"
#include "stacgate/log.h"

#define TURN_MS 1000
#define TURNS_A_LOOK 4

enum { SAME, CHANGED }; /* what a look answers */

/* A job's own memory: it may outlive the watcher. One at a time. */
struct look {
    uint64_t seen[2][4]; /* device, inode, size, change time of certificate and key */
    bool forced;
    int result; /* of tls_pair_read, after CHANGED */
    struct tls_pair pair;
    char *error;
};

struct watch {
    unsigned turns;
    unsigned said; /* level of expiry */
    bool looking;
};

static struct look look;
static atomic_bool asked;

void http_reload(void)
{
    atomic_store(&asked, true);
}

/* ---- in the pool ---- */

static void identify(const char *path, uint64_t ret[4])
{
    struct stat st;
    memset(ret, 0, 4 * sizeof(*ret));
    if (stat(path, &st) != 0)
        return;
    ret[0] = (uint64_t)st.st_dev;
    ret[1] = (uint64_t)st.st_ino;
    ret[2] = (uint64_t)st.st_size;
    ret[3] = (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec;
}

static void identify_both(uint64_t ret[2][4])
{
    identify(net_options.tls_cert, ret[0]);
    identify(net_options.tls_key, ret[1]);
}

void tls_watch_note(void)
{
    identify_both(look.seen);
}

/* The files are identified before they are read: what is written meanwhile is seen by the next
 * look. */
static int look_run(void *arg, struct body **ret_body)
{
    struct look *l = arg;
    uint64_t now[2][4];
    (void)ret_body;
    identify_both(now);
    if (!l->forced && memcmp(now, l->seen, sizeof(now)) == 0)
        return SAME;
    memcpy(l->seen, now, sizeof(now));
    l->result = tls_pair_read(net_options.tls_cert, net_options.tls_key, &l->pair, &l->error);
    return CHANGED;
}

/* ---- what is said ---- */

__attribute__((format_arg(1), format_arg(2))) static const char *say(const char *french,
                                                                     const char *english)
{
    return config_speaks_french() ? french : english;
}

unsigned tls_expiry_level(int64_t ends, int64_t now)
{
    static const int days[] = {30, 14, 7, 0};
    unsigned level = 0;
    while (level < 4 && ends - now <= (int64_t)days[level] * EXPIRY_DAY_S)
        level++;
    return level;
}

/* Once a level and certificate. */
static void expiry_say(struct watch *w)
{
    int64_t now = time(NULL), ends = tls_ends();
    unsigned level = tls_expiry_level(ends, now);
    if (level <= w->said)
        return;
    w->said = level;
    if (level == 4)
        log_msg(LOG_ERROR, "tls_expired", "%s",
                say("le certificat a expiré : les navigateurs refusent ce serveur ; remplacez-le",
                    "the certificate has expired: browsers refuse this server; replace it"));
    else
        log_msg(LOG_WARN, "tls_expiry",
                say("le certificat expire dans %lld jours : renouvelez-le",
                    "the certificate ends in %lld days: renew it"),
                (long long)((ends - now) / EXPIRY_DAY_S));
}

static void refuse(const char *sentence)
{
    tally_add(&net_here()->stats.tls_refused, 1);
    log_msg(LOG_ERROR, "tls_refused",
            say("%s Le certificat précédent reste en service.",
                "%s The certificate before it stays in use."),
            sentence);
}

/* ---- the watcher ---- */

static void pair_take(struct watch *w, struct tls_pair *p)
{
    int64_t now = time(NULL);
    if (p->ends <= now && tls_ends() > now) {
        refuse(say("Le nouveau certificat a déjà expiré.",
                   "The new certificate has expired already."));
        tls_pair_drop(p);
        return;
    }
    tls_use(p);
    tickets_forget(); /* whoever was known by the old certificate shakes hands again */
    tally_add(&net_here()->stats.tls_reloads, 1);
    w->said = 0;
    log_msg(LOG_INFO, "tls_reloaded",
            say("nouveau certificat en service, valable %lld jours",
                "a new certificate is in use, good for %lld days"),
            (long long)((p->ends - now) / EXPIRY_DAY_S));
}

static int looked(struct actor *self, void *state, const struct msg *m)
{
    struct watch *w = state;
    (void)self;
    w->looking = false;
    if (m->status == CHANGED && look.result == 0)
        pair_take(w, &look.pair);
    else if (m->status == CHANGED)
        refuse(look.error);
    free(look.error);
    look.error = NULL;
    expiry_say(w);
    return 0;
}

static void begin_look(struct actor *self, struct watch *w, bool forced)
{
    look.forced = forced;
    w->looking = actor_offload(self, look_run, &look, NULL, 0, looked) == 0;
    w->turns = 0;
}

static int turn(struct actor *self, void *state, const struct msg *m)
{
    struct watch *w = state;
    (void)m;
    tickets_turn(loop_now());
    w->turns++;
    if (!w->looking) {
        bool forced = atomic_exchange(&asked, false);
        if (forced || w->turns >= TURNS_A_LOOK)
            begin_look(self, w, forced);
    }
    return actor_after(self, TURN_MS, turn) ? 0 : -ENOMEM;
}

/* A look that could not be made is made again. */
static int failed(struct actor *self, void *state, int err)
{
    struct watch *w = state;
    (void)self, (void)err;
    w->looking = false;
    return 0;
}

static int init(struct actor *self, void *state, const void *arg)
{
    (void)arg;
    tls_pair_drop(&look.pair);
    expiry_say(state);
    return turn(self, state, NULL);
}

static const struct actor_type watch_type = {.name = "tls_watch",
                                             .state_size = sizeof(struct watch),
                                             .mailbox_max = 4,
                                             .init = init,
                                             .fail = failed};

int tls_watch_start(void)
{
    return actor_spawn(&watch_type, NULL) ? 0 : -ENOMEM;
}
