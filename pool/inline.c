/* Inline: a pool without threads. Its jobs run on the loop, one after the other, inside tt_wake_dispatch: asynchronous code
   can then be tested as if it were ordinary code. */
#include "internal.h"

#include <stdlib.h>

enum tt_status tti_inline_start(struct tt_pool *pool, struct tt_error *reterr) {
    struct tti_worker *worker = tti_worker_new(pool);
    if (worker == NULL)
        return tt_error_set(reterr, TT_NOMEM, 0, "no memory for a worker");
    if (pool->options.on_start != NULL) {
        enum tt_status status = pool->options.on_start(pool->options.context, &worker->state, reterr);
        if (status != TT_OK) {
            tti_worker_free(worker);
            return status;
        }
    }
    worker->cpu_mark_us = tti_clock_thread_cpu_us();
    tti_lock_enter(&pool->lock);
    worker->is_ready = true;
    pool->workers = worker;
    pool->thread_count = 1;
    pool->target_count = 1;
    pool->ready_count = 1;
    tti_queue_note_serving(pool);
    tti_lock_leave(&pool->lock);
    return TT_OK;
}

void tti_inline_stop(struct tt_pool *pool) {
    struct tti_worker *worker = pool->workers;
    pool->workers = NULL;
    if (worker == NULL)
        return;
    if (pool->options.on_stop != NULL)
        pool->options.on_stop(pool->options.context, worker->state);
    tti_worker_free(worker);
}

size_t tti_inline_run(struct tt_pool *pool, size_t max_count) {
    size_t count = 0;
    while (count < max_count && pool->queue.count != 0) {
        struct tti_worker *worker = pool->workers;
        struct tt_job *job =
            tti_queue_take(pool, worker, tti_tick_now_us(&worker->tick)); /* never parks: there is a job */
        if (job == NULL)
            break;
        tti_beacon_enter(&pool->wake->beacon, TT_STALL_RUN, job, (tti_any_fn)job->run, job->name);
        (void)tti_worker_run(worker, job); /* an inline hand holds one */
        count++;
    }
    return count;
}
