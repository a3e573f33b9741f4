/* Cancel: takes back what has not started, gives up what has. */
#include "internal.h"

bool tti_cancel_waiting(struct tt_job *job, enum tt_outcome outcome) {
    struct tt_pool *pool = job->pool;
    switch (tti_job_phase(job, memory_order_relaxed)) {
    case TTI_LIMITED:
        tti_limiter_remove(job->limiter, job);
        tti_pool_hold(pool, -1);
        break;
    case TTI_BATCHED:
        tti_list_remove(&pool->batch, job);
        tti_pool_hold(pool, -1);
        break;
    case TTI_QUEUED:
        if (!tti_queue_remove(pool, job))
            return false;
        break;
    default:
        return false;
    }
    job->queue_us = tti_wake_time_us(pool->wake) - job->submitted_us;
    tti_complete_give_up(job, outcome);
    return true;
}

/**
 * The one decision between finish and abandon; the worker's side is in tti_worker_run. Under the lock, so that a worker that
 * lost comes back to the queue only after it has been counted as a zombie.
 */
static bool claim(struct tt_pool *pool, struct tt_job *job) TT_ON_LOOP {
    uint32_t expected = TTI_RUNNING;
    tti_lock_enter(&pool->lock);
    /* Acquire pairs with the release in assign (queue.c): job->worker and started_us were written before. */
    bool is_ours = atomic_compare_exchange_strong_explicit(&job->phase, &expected, TTI_ZOMBIE, memory_order_acq_rel,
                                                           memory_order_relaxed);
    if (is_ours) {
        struct tti_worker *worker = job->worker;
        worker->is_zombie = true;
        pool->zombie_count++;
        tti_queue_note_serving(pool);
    }
    tti_lock_leave(&pool->lock);
    return is_ours;
}

/**
 * Tells the function that it is to end. Its worker takes the guard before it lets go of a job that has a hook, so the hook
 * never acts on a connection that serves the next job already: the one callback that runs under a lock, and why.
 */
void tti_cancel_ask(struct tt_job *job) {
    struct tti_worker *worker = job->worker;
    if (atomic_exchange_explicit(&job->is_cancelled, 1, memory_order_relaxed) != 0 || job->interrupt == NULL)
        return;
    tti_lock_enter(&worker->guard);
    if (atomic_load_explicit(&worker->job, memory_order_acquire) == job)
        job->interrupt(job);
    tti_lock_leave(&worker->guard);
}

bool tti_cancel_running(struct tt_job *job, enum tt_outcome outcome, uint64_t now_us) {
    struct tt_pool *pool = job->pool;
    if (!claim(pool, job))
        return false;
    uint64_t started_us = atomic_load_explicit(&job->started_us, memory_order_relaxed);
    job->queue_us = started_us > job->submitted_us ? started_us - job->submitted_us : 0;
    job->run_us = now_us > started_us ? now_us - started_us : 0;
    tti_cancel_ask(job);
    tti_complete_give_up(job, outcome);
    (void)tti_worker_fill(pool); /* a thread that can't start is counted and shown; the next zombie tries again */
    return true;
}

enum tt_status tt_job_cancel(struct tt_job *job) {
    if (job->pool == NULL || tti_job_phase(job, memory_order_relaxed) == TTI_IDLE)
        return TT_INVALID;
    return tti_cancel_waiting(job, TT_CANCELLED) ? TT_OK : TT_TOO_LATE;
}

enum tt_status tt_job_abandon(struct tt_job *job) {
    if (job->pool == NULL || job->release == NULL || tti_job_phase(job, memory_order_relaxed) == TTI_IDLE)
        return TT_INVALID;
    if (tti_cancel_waiting(job, TT_CANCELLED))
        return TT_OK;
    return tti_cancel_running(job, TT_ABANDONED, tti_wake_time_us(job->pool->wake)) ? TT_OK : TT_TOO_LATE;
}

enum tt_status tt_job_interrupt(struct tt_job *job) {
    if (job->pool == NULL || tti_job_phase(job, memory_order_relaxed) == TTI_IDLE)
        return TT_INVALID;
    if (tti_cancel_waiting(job, TT_CANCELLED))
        return TT_OK;
    /* Acquire pairs with the release in assign (queue.c): job->worker was written before. */
    if (tti_job_phase(job, memory_order_acquire) != TTI_RUNNING)
        return TT_TOO_LATE;
    tti_cancel_ask(job);
    return TT_OK;
}

int tt_job_is_cancelled(const struct tt_job *job) {
    return atomic_load_explicit(&job->is_cancelled, memory_order_relaxed) != 0 || tt_job_is_abandoned(job);
}

int tt_job_is_abandoned(const struct tt_job *job) {
    return tti_job_phase(job, memory_order_relaxed) == TTI_ZOMBIE;
}

uint64_t tt_job_remaining_us(const struct tt_job *job) {
    uint64_t due_us = job->due_us != 0 ? job->due_us : UINT64_MAX;
    if (job->run_timeout_us != 0) {
        uint64_t started_us = atomic_load_explicit(&job->started_us, memory_order_relaxed);
        uint64_t run_due_us = tti_clock_add_us(started_us, job->run_timeout_us);
        due_us = run_due_us < due_us ? run_due_us : due_us;
    }
    if (due_us == UINT64_MAX)
        return UINT64_MAX;
    uint64_t now_us = tti_clock_now_us();
    return due_us > now_us ? due_us - now_us : 0;
}
