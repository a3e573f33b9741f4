/*
 * Submit: the pool takes a job, or says at once why not. Step 6 of 11.
 * Before: offload (server/offload.c), or any program that has a blocking call.
 * After:  queue (pool/queue.c), with all jobs of this turn of the loop.
 */
#include "internal.h"

#include <tothread/context.h>
#include <tothread/key.h>

/** Puts the job into the batch of this turn; the wake hands it over before the loop sleeps. */
void tti_submit_batch(struct tt_pool *pool, struct tt_job *job) {
    /* A parent takes queued children out of the queue itself: it must not look for them there yet. */
    tti_job_set_phase(job, job->nest != NULL ? TTI_BATCHED : TTI_QUEUED);
    job->turn = pool->turn;
    pool->batch_is_plain &= job->key == NULL && job->priority == TT_PRIORITY_NORMAL && job->nest == NULL;
    tti_list_append(&pool->batch, job);
    if (!pool->is_dirty) {
        pool->is_dirty = true;
        pool->next_dirty = pool->wake->dirty_pools;
        pool->wake->dirty_pools = pool;
    }
}

static bool is_usable(const struct tt_job *job) {
    return job->run != NULL && (uint32_t)job->priority < TT_PRIORITY_COUNT &&
           ((job->run_timeout_us | job->deadline_us) == 0 || job->release != NULL) &&
           tti_job_phase(job, memory_order_relaxed) == TTI_IDLE;
}

/** The job takes the current context along, unless it names one; and its deadline, where that is nearer. */
static void take_context(struct tt_job *job) TT_ON_LOOP {
    if (job->context == NULL) {
        job->context = tti_context_current;
        job->flags |= TTI_TOOK_CONTEXT;
    }
    job->due_us = job->deadline_us;
    if (job->context == NULL)
        return;
    (void)tt_context_hold(job->context);
    job->due_us = tti_context_nearest_us(job->due_us, tt_context_values(job->context)->deadline_us);
}

/** Waiting and running jobs together may fill the queue and the workers that can take one. */
static bool is_full(const struct tt_pool *pool) TT_ON_LOOP {
    uint32_t serving = atomic_load_explicit(&pool->serving_count, memory_order_relaxed);
    return pool->waiting_count >= (uint64_t)pool->queue_limit + serving;
}

static bool is_key_full(const struct tt_key *key) TT_ON_LOOP {
    return key != NULL && key->job_limit != 0 && key->inside_count >= key->job_limit;
}

/** A key's jobs wait in one pool at a time: their list hangs on the key. */
static bool is_foreign(const struct tt_key *key, const struct tt_pool *pool) TT_ON_LOOP {
    return key != NULL && key->inside_count != 0 && key->pool != pool;
}

static void enter_key(struct tt_key *key, struct tt_pool *pool) TT_ON_LOOP {
    if (key == NULL)
        return;
    key->pool = pool;
    key->inside_count++;
}

enum tt_status tt_pool_submit(struct tt_pool *pool, struct tt_job *job) {
    if (!tti_is_on_loop(pool->wake, __func__) || !is_usable(job) || is_foreign(job->key, pool))
        return TT_INVALID;
    tti_count(&pool->submitted);
    if (pool->is_closed) {
        tti_count(&pool->refused_closed);
        return TT_CLOSED;
    }
    if (is_full(pool) || is_key_full(job->key)) {
        tti_count(&pool->refused_full);
        return TT_FULL;
    }
    uint64_t now_us = tti_wake_time_us(pool->wake);
    job->pool = pool;
    job->outcome = TT_NONE;
    job->submitted_us = now_us;
    job->queue_us = 0;
    job->run_us = 0;
    job->cpu_us = 0;
    job->flags = 0;
    job->watches = NULL;
    job->nest = NULL;
    atomic_store_explicit(&job->is_cancelled, 0, memory_order_relaxed);
    take_context(job);
    tti_account_begin(pool, now_us);
    pool->waiting_count++;
    pool->inside_count++;
    enter_key(job->key, pool);
    tti_pool_hold(pool, 1);
    tti_deadline_begin(pool, job, now_us);
    if (job->limiter == NULL || tti_limiter_take(job->limiter, job))
        tti_submit_batch(pool, job);
    return TT_OK;
}
