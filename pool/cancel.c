/* Cancel: takes back what has not started, gives up what has. */
#include "internal.h"

static bool is_batched(const struct tt_job *job) TT_ON_LOOP {
    enum tti_phase phase = tti_job_phase(job, memory_order_relaxed);
    return phase == TTI_BATCHED || (phase == TTI_QUEUED && job->turn == job->pool->turn);
}

/** Out of whichever list it waits in. */
static bool take_back(struct tt_pool *pool, struct tt_job *job) TT_ON_LOOP {
    switch (tti_job_phase(job, memory_order_relaxed)) {
    case TTI_LIMITED:
        tti_limiter_remove(job->limiter, job);
        tti_pool_hold(pool, -1);
        return true;
    case TTI_BATCHED:
    case TTI_QUEUED:
    case TTI_DEALT:
        if (!is_batched(job))
            return tti_queue_take_back(pool, job);
        tti_list_remove(&pool->batch, job);
        tti_pool_hold(pool, -1);
        return true;
    default:
        return false;
    }
}

bool tti_cancel_waiting(struct tt_job *job, enum tt_outcome outcome) {
    struct tt_pool *pool = job->pool;
    if (!take_back(pool, job))
        return false;
    job->queue_us = tti_wake_time_us(pool->wake) - job->submitted_us;
    tti_complete_give_up(job, outcome);
    return true;
}

/**
 * The one decision between finish and abandon. Under the lock, so that a worker that lost comes back to the queue only
 * after it has been counted as a zombie. The place of its job is free for another at once.
 */
static bool claim(struct tt_pool *pool, struct tt_job *job) TT_ON_LOOP {
    struct tti_worker *sleeper = NULL;
    tti_lock_enter(&pool->lock);
    struct tti_worker *worker = job->worker;
    bool is_ours = tti_job_phase(job, memory_order_relaxed) == TTI_DEALT && tti_hand_give_up(&worker->hand, job);
    if (is_ours) {
        tti_job_set_phase(job, TTI_ZOMBIE);
        worker->zombie = job;
        pool->zombie_count += worker->is_lodger ? 0 : 1;
        tti_queue_set_lower(pool, worker, false);
        tti_queue_note_serving(pool);
        sleeper = tti_queue_wake_one(pool);
    }
    tti_lock_leave(&pool->lock);
    if (sleeper != NULL)
        tti_park_wake(&sleeper->park);
    return is_ours;
}

/**
 * Tells the function that it is to end. Its worker takes the guard before it lets go of a job that has a hook, so the hook
 * never acts on a connection that serves the next job already: the one callback that runs under a lock, and why.
 */
void tti_cancel_ask(struct tt_job *job) {
    struct tti_worker *worker = job->worker;
    if (atomic_exchange_explicit(&job->is_cancelled, 1, memory_order_relaxed) != 0)
        return;
    tti_park_wake(&worker->pause); /* it may wait for the loop: request.h */
    if (job->interrupt == NULL)
        return;
    tti_lock_enter(&worker->guard);
    if (tti_hand_is_running(&worker->hand, job))
        job->interrupt(job);
    tti_lock_leave(&worker->guard);
}

bool tti_cancel_running(struct tt_job *job, enum tt_outcome outcome, uint64_t now_us) {
    struct tt_pool *pool = job->pool;
    if (!claim(pool, job))
        return false;
    uint64_t started_us = atomic_load_explicit(&job->started_us, memory_order_relaxed);
    if (started_us == 0)
        started_us = now_us; /* its worker has just gone on to it */
    job->queue_us = started_us > job->submitted_us ? started_us - job->submitted_us : 0;
    job->run_us = now_us > started_us ? now_us - started_us : 0;
    tti_cancel_ask(job);
    tti_complete_give_up(job, outcome);
    (void)tti_worker_fill(pool); /* a thread that can't start is counted and shown; the next zombie tries again */
    return true;
}

/** The pool of a job that has ended may have ended as well: only who is inside may look at it. */
static bool is_inside(const struct tt_job *job) {
    return job->pool != NULL && tti_job_phase(job, memory_order_relaxed) != TTI_IDLE;
}

enum tt_status tt_job_cancel(struct tt_job *job) {
    if (!is_inside(job) || !tti_is_on_loop(job->pool->wake, __func__))
        return TT_INVALID;
    return tti_cancel_waiting(job, TT_CANCELLED) ? TT_OK : TT_TOO_LATE;
}

enum tt_status tt_job_abandon(struct tt_job *job) {
    if (!is_inside(job) || !tti_is_on_loop(job->pool->wake, __func__) || job->release == NULL)
        return TT_INVALID;
    if (tti_cancel_waiting(job, TT_CANCELLED))
        return TT_OK;
    return tti_cancel_running(job, TT_ABANDONED, tti_wake_time_us(job->pool->wake)) ? TT_OK : TT_TOO_LATE;
}

static bool is_running(const struct tt_job *job) TT_ON_LOOP {
    struct tt_pool *pool = job->pool;
    tti_lock_enter(&pool->lock);
    bool is_with_worker = tti_job_phase(job, memory_order_relaxed) == TTI_DEALT;
    bool is_running = is_with_worker && tti_hand_is_running(&((struct tti_worker *)job->worker)->hand, job);
    tti_lock_leave(&pool->lock);
    return is_running;
}

enum tt_status tt_job_interrupt(struct tt_job *job) {
    if (!is_inside(job) || !tti_is_on_loop(job->pool->wake, __func__))
        return TT_INVALID;
    if (tti_cancel_waiting(job, TT_CANCELLED))
        return TT_OK;
    if (!is_running(job))
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
