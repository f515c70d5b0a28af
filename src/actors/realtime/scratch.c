/* The calling thread's encoding buffers. One that grew beyond SCRATCH_KEEP is given back when it is
 * next asked for. */
#include "scratch.h"

#define SCRATCH_KEEP (1u << 20)

static _Thread_local struct buf buffers[SCRATCHES];

struct buf *scratch(enum scratch which)
{
    struct buf *b = &buffers[which];

    if (b->cap > SCRATCH_KEEP)
        buf_finish(b);
    buf_clear(b);
    return b;
}

void scratch_finish(void)
{
    for (int i = 0; i < SCRATCHES; i++)
        buf_finish(&buffers[i]);
}
