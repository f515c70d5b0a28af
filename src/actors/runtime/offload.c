/*
 * Work for the thread pool: what blocks or computes for long. A job knows its asker only by id and
 * ref, so the asker may end, cancel or run out of time meanwhile; the job's own memory is freed on
 * its loop.
 */
#include <stdlib.h>

#include "runtime.h"

struct job {
    uv_work_t req;
    actor_id who;
    actor_ref ref;
    int status;
    actor_work *work;
    void *arg;
    void (*free_arg)(void *);
    struct body *body;
};

/* In the pool. */
static void job_run(uv_work_t *req)
{
    struct job *j = req->data;
    j->status = j->work(j->arg, &j->body);
}

/* On the loop again; also, with UV_ECANCELED, when it was abandoned before a thread took it. */
static void job_done(uv_work_t *req, int cancelled)
{
    struct job *j = req->data;
    loop_here->job_count--;
    if (cancelled) {
        j->status = -ECANCELED;
    } else {
        struct pending *p = pending_find(loop_here, j->who, j->ref);
        if (p)
            p->job = NULL; /* nothing to abandon any more */
    }
    actor_complete(j->who, j->ref, j->status, j->body);
    if (j->free_arg)
        j->free_arg(j->arg);
    free(j);
}

/* A running job goes on to its end; a waiting one is spared. */
void job_abandon(struct job *job)
{
    uv_cancel((uv_req_t *)&job->req);
}

int actor_offload(struct actor *self, actor_work *work, void *arg, void (*free_arg)(void *),
                  uint32_t ms, actor_step *next)
{
    struct loop *l = loop_here;
    if (l->job_count >= JOBS_MAX)
        return -ENOBUFS;
    actor_ref ref = actor_expect(self, ms, next);
    if (!ref)
        return -ENOBUFS;
    struct job *j = xcalloc(1, sizeof(*j));
    *j = (struct job){.who = self->id, .ref = ref, .work = work, .arg = arg, .free_arg = free_arg};
    j->req.data = j;
    pending_find(l, self->id, ref)->job = j;
    l->job_count++;
    int r = uv_queue_work(&l->uv, &j->req, job_run, job_done);
    assert(r == 0); /* it only refuses a missing work function */
    return 0;
}
