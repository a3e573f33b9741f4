/* Account: CPU time a job, and the rate at which a pool gets jobs done. */
#include "internal.h"

#define CPU_INTERVAL_US 1000u
#define RATE_WINDOW_US  1000000u
#define UNKNOWN_WAIT_US 1000000u

void tti_account_start(struct tti_worker *worker) {
    if (worker->pool->options.cpu_accounting == TT_CPU_EXACT)
        worker->cpu_mark_us = tti_clock_thread_cpu_us();
}

/*
 * Two readings a job cost 0.4 us, a fifteenth of a whole request. So by default the clock is read when a millisecond has
 * passed since the last reading, and the difference charged to the job that ends then. Long jobs always pay
 * for themselves; among short ones each call is hit in proportion to the time it takes.
 */
uint64_t tti_account_cpu_us(struct tti_worker *worker, uint64_t end_us) {
    enum tt_cpu_accounting how = worker->pool->options.cpu_accounting;
    if (how == TT_CPU_OFF || (how == TT_CPU_SAMPLED && end_us - worker->cpu_read_us < CPU_INTERVAL_US))
        return 0;
    uint64_t now_us = tti_clock_thread_cpu_us();
    uint64_t used_us = now_us - worker->cpu_mark_us;
    worker->cpu_mark_us = now_us;
    worker->cpu_read_us = end_us;
    worker->cpu_charged_us += used_us;
    return used_us;
}

/** Time in which nobody waited for the pool says nothing about its rate: the window moves along. */
void tti_account_begin(struct tt_pool *pool, uint64_t now_us) {
    if (pool->waiting_count == 0)
        pool->rate_since_us += now_us - pool->rate_idle_us;
}

void tti_account_end(struct tt_job *job, uint64_t now_us) {
    struct tt_pool *pool = job->pool;
    tti_count(&pool->outcomes[job->outcome]);
    /* What was taken back or expired leaves the queue without any work: it says nothing about the workers. */
    if (job->outcome != TT_CANCELLED && job->outcome != TT_EXPIRED_QUEUE)
        pool->rate_count++; /* first: an end belongs to the time before it */
    if (now_us - pool->rate_since_us >= RATE_WINDOW_US) {
        pool->rate_last_us = now_us - pool->rate_since_us;
        pool->rate_last_count = pool->rate_count;
        pool->rate_since_us = now_us;
        pool->rate_count = 0;
    }
    if (pool->waiting_count == 0)
        pool->rate_idle_us = now_us;
}

uint64_t tt_pool_expected_wait_us(const struct tt_pool *pool) {
    if (!tti_is_on_loop(pool->wake, __func__))
        return UNKNOWN_WAIT_US;
    uint64_t ends = (uint64_t)pool->rate_count + pool->rate_last_count;
    uint64_t span_us = tti_wake_time_us(pool->wake) - pool->rate_since_us + pool->rate_last_us;
    if (ends == 0 || span_us == 0)
        return UNKNOWN_WAIT_US;
    uint64_t wait_us = (uint64_t)pool->waiting_count * span_us / ends;
    return wait_us == 0 ? 1 : wait_us;
}
