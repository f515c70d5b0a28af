/*
 * What happens in real time on a loop, in figures: written by that loop alone (stacgate/tally.h),
 * read for /metrics. A figure is of the whole process's traffic: no school, topic or person.
 */
#ifndef STACGATE_REALTIME_FIGURES_H
#define STACGATE_REALTIME_FIGURES_H

#include "envelope.h"
#include "refusal.h"
#include "stacgate/tally.h"

enum { FIGURE_LANES = WS_REPLAY + 1, FIGURE_KINDS = 8, FIGURE_STATUSES = 6 };

/* What became of a join that said where it stands. */
enum resume {
    RESUME_RECOVERED,
    RESUME_EPOCH,    /* the channel's log was begun anew since */
    RESUME_BEYOND,   /* it stands where the log never came */
    RESUME_GONE,     /* what it misses is kept no more */
    RESUME_TOO_MANY, /* it misses more than a resume gives */
    RESUMES
};

struct figures {
    /* by enum ws_lane; those of a fan-out are encoded once for all, then put on each queue */
    uint64_t encoded[FIGURE_LANES], encoded_bytes[FIGURE_LANES];
    uint64_t delivered[FIGURE_LANES], delivered_bytes[FIGURE_LANES], dropped[FIGURE_LANES];
    uint64_t published;
    struct histogram batch, commit_us;
    uint64_t commits_unknown, commits_refused;
    uint64_t joins, resumes[RESUMES];
    uint64_t refusals[REASONS];
    uint64_t handshakes_refused[FIGURE_STATUSES];
    /* gauges */
    uint64_t topics, memberships, sessions[ENCODINGS], channels[FIGURE_KINDS];
};

/* The calling loop's. On a thread that is no loop (tests): some that nobody reads. */
extern _Thread_local struct figures *figures;
void figures_begin(void); /* the calling loop counts here from now on */
void figures_read(unsigned loop, struct figures *ret); /* any thread */
uint64_t figures_sessions(const struct figures *f);

void figures_encoded(enum ws_lane lane, struct body *const wire[ENCODINGS]);
void figures_handshake_refused(int status);
/* The status of a place in handshakes_refused; 0: all others. */
int figures_status(unsigned at);

#endif
