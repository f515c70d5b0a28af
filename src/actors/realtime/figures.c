/* The figures of each loop. They outlive the loops, and begin at nothing with the process. */
#include "figures.h"

#include "stacgate/loop.h"

static struct figures of_loop[LOOPS_MAX];
static struct figures unread; /* of threads that are no loop: tests */
_Thread_local struct figures *figures = &unread;

void figures_begin(void)
{
    figures = &of_loop[loop_index()];
}

void figures_read(unsigned loop, struct figures *ret)
{
    tally_read(ret, &of_loop[loop], sizeof(*ret));
}

uint64_t figures_sessions(const struct figures *f)
{
    uint64_t n = 0;

    for (int e = 0; e < ENCODINGS; e++)
        n += f->sessions[e];
    return n;
}

void figures_encoded(enum ws_lane lane, struct body *const wire[ENCODINGS])
{
    uint64_t frames = 0, bytes = 0;

    for (int e = 0; e < ENCODINGS; e++)
        if (wire[e]) {
            frames++;
            bytes += wire[e]->len;
        }
    tally_add(&figures->encoded[lane], frames);
    tally_add(&figures->encoded_bytes[lane], bytes);
}

static const int statuses[FIGURE_STATUSES] = {400, 401, 403, 429, 503, 0};

int figures_status(unsigned at)
{
    return statuses[at];
}

void figures_handshake_refused(int status)
{
    unsigned i = 0;

    while (statuses[i] && statuses[i] != status)
        i++;
    tally_add(&figures->handshakes_refused[i], 1);
}
