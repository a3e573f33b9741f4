/**
 * Request: what a job's function wants from the loop, while it runs.
 *
 * A request is a post that goes by way of the job's pool, so that it can be withdrawn, and so that none is left in the wake
 * when the pool's memory, or the job's, goes.
 *
 * Invariant: a job that was given up makes no requests. Giving up is decided under pool->lock (cancel.c), and so is a request:
 * a request that is accepted finds the wake alive. A pool forgets its wake only when all that still runs was given up and
 * no request is left (only_stuck_left in pool.c).
 *
 * Waiting is done at worker->pause. The loop may wake that at any time: it alone frees workers, as long as it knows the
 * pool. A wake too many only makes the waiter look again, so every wait is a loop over its condition.
 */
#ifndef POOL_REQUEST_H
#define POOL_REQUEST_H

#include "internal.h"

/** The worker that runs this job, if that is the calling thread; else NULL. */
struct tti_worker *tti_request_worker(const struct tt_job *job);

/** Whether the job belongs to a pool without threads, so that its function runs on the loop, and is running. */
static inline bool tti_request_is_inline(const struct tt_job *job) {
    enum tti_phase phase = tti_job_phase(job, memory_order_relaxed);
    return (phase == TTI_DEALT || phase == TTI_ZOMBIE) && job->pool->options.worker_count == 0;
}

/** Whether this is the loop's thread; reports a misuse where not. A job that wasn't submitted yet knows no loop. */
static inline bool tti_request_is_on_loop(const struct tt_job *job, const char *function) TT_ON_LOOP {
    return job->pool == NULL || tti_is_on_loop(job->pool->wake, function);
}

/**
 * Has post->fn called on the loop. Thread: the job's worker. Returns: false when the job was asked to end or given up:
 * nothing was taken.
 */
bool tti_request_start(struct tt_job *job, struct tt_post *post);

/** Takes a request back. Thread: any. Returns: false when its function has been called, or is about to be. */
bool tti_request_withdraw(struct tt_pool *pool, struct tt_post *post);

/** Makes the context of the job current. Returns: the one before. */
static inline struct tt_context *tti_request_enter(const struct tt_job *job) TT_ON_LOOP {
    struct tt_context *before = tti_context_current;
    tti_context_current = job->context;
    return before;
}

#endif
