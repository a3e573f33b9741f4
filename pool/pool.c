/* Pool: its beginning, its changes and its end. */
#include "internal.h"

#include "fault.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_BYTES_DEFAULT (256u * 1024u)
#define LOOK_AGAIN_US       10000u
#define AGEING_US_DEFAULT   1000000u
#define AGEING_US_MOST      (UINT64_MAX / 8) /* never: a moment and two of these stay below UINT64_MAX */
#define DISPATCH_COUNT      256u

static enum tt_status check_options(const struct tt_pool_options *options, struct tt_error *reterr) {
    size_t name_size = options->name != NULL ? strnlen(options->name, TT_POOL_NAME_MAX) : 0;
    if (name_size == 0 || name_size == TT_POOL_NAME_MAX)
        return tt_error_set(reterr, TT_INVALID, 0, "a pool's name has 1 to %d bytes", TT_POOL_NAME_MAX - 1);
    if (options->worker_count > TT_POOL_WORKERS_MAX)
        return tt_error_set(reterr, TT_INVALID, 0, "a pool has at most %d workers", TT_POOL_WORKERS_MAX);
    if (options->queue_limit == 0)
        return tt_error_set(reterr, TT_INVALID, 0, "a queue holds at least 1 job");
    if (options->spare_count > TT_POOL_WORKERS_MAX)
        return tt_error_set(reterr, TT_INVALID, 0, "a pool has at most %d spare threads", TT_POOL_WORKERS_MAX);
    if (options->reserved_count != 0 && options->reserved_count >= options->worker_count)
        return tt_error_set(reterr, TT_INVALID, 0, "at least 1 worker must be left for jobs of all priorities");
    if (options->stack_bytes != 0 && options->stack_bytes < (size_t)sysconf(_SC_THREAD_STACK_MIN))
        return tt_error_set(reterr, TT_INVALID, 0, "a stack has at least %ld bytes", sysconf(_SC_THREAD_STACK_MIN));
    return TT_OK;
}

void tti_pool_release(struct tt_pool *pool) {
    /* acq_rel: whoever frees sees what the others have written. */
    if (atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) != 1)
        return;
    tti_lock_deinit(&pool->lock);
    free(pool);
}

static enum tt_status start_workers(struct tt_pool *pool, struct tt_error *reterr) TT_ON_LOOP {
    if (pool->options.worker_count == 0)
        return tti_inline_start(pool, reterr);
    for (uint32_t i = 0; i < pool->options.worker_count; i++) {
        enum tt_status status = tti_worker_create(pool);
        if (status != TT_OK) {
            int failed = errno;
            return tt_error_set(reterr, status, failed, "can't start thread %u of pool \"%s\": %s", i + 1, pool->name,
                                strerrordesc_np(failed));
        }
    }
    return TT_OK;
}

struct tt_pool *tt_pool_create(struct tt_wake *wake, const struct tt_pool_options *options, struct tt_error *reterr) {
    if (!tti_is_on_loop(wake, __func__)) {
        (void)tt_error_set(reterr, TT_INVALID, 0, "not on the loop's thread");
        return NULL;
    }
    if (check_options(options, reterr) != TT_OK)
        return NULL;
    struct tt_pool *pool = TTI_FAULT_NTH(allocation_fails) ? NULL : calloc(1, sizeof *pool);
    if (pool == NULL || tti_lock_init(&pool->lock) != 0) {
        (void)tt_error_set(reterr, TT_NOMEM, 0, "no memory for pool \"%s\"", options->name);
        free(pool);
        return NULL;
    }
    pool->wake = wake;
    pool->options = *options;
    memcpy(pool->name, options->name, strlen(options->name) + 1);
    pool->options.name = pool->name;
    if (pool->options.stack_bytes == 0)
        pool->options.stack_bytes = STACK_BYTES_DEFAULT;
    pool->references = 1;
    pool->target_count = options->worker_count;
    pool->spare_count = options->spare_count;
    pool->queue_limit = options->queue_limit;
    pool->shown_limit = options->queue_limit;
    pool->queue_timeout_us = options->queue_timeout_us;
    pool->queue.ageing_us = options->ageing_us != 0 ? options->ageing_us : AGEING_US_DEFAULT;
    if (pool->queue.ageing_us > AGEING_US_MOST)
        pool->queue.ageing_us = AGEING_US_MOST;
    pool->batch_is_plain = true;
    pool->rate_since_us = tti_wake_time_us(wake);
    pool->rate_idle_us = pool->rate_since_us;
    pool->next_pool = wake->pools;
    wake->pools = pool;
    if (start_workers(pool, reterr) != TT_OK) {
        tti_pool_end(pool);
        return NULL;
    }
    return pool;
}

enum tt_status tt_pool_resize(struct tt_pool *pool, uint32_t worker_count) {
    if (!tti_is_on_loop(pool->wake, __func__))
        return TT_INVALID;
    if (worker_count == 0 || worker_count > TT_POOL_WORKERS_MAX || pool->options.worker_count == 0)
        return TT_INVALID;
    struct tti_worker *sleepers = NULL;
    tti_lock_enter(&pool->lock);
    pool->target_count = worker_count;
    if (tti_pool_count_able(pool) > worker_count) {
        /* All wake, those too many end; the rest goes back to sleep. */
        sleepers = pool->idle;
        for (struct tti_worker *worker = sleepers; worker != NULL; worker = worker->next_idle) {
            worker->is_woken = true;
            pool->waking_count++;
        }
        pool->idle = NULL;
        pool->idle_count = 0;
    } else if ((sleepers = tti_queue_wake_one(pool)) != NULL) {
        sleepers->next_idle = NULL; /* fewer of the workers are reserved ones now; this one wakes the next */
    }
    tti_lock_leave(&pool->lock);
    while (sleepers != NULL) {
        struct tti_worker *next = sleepers->next_idle; /* it may sleep again, and be linked anew, once woken */
        tti_park_wake(&sleepers->park);
        sleepers = next;
    }
    tti_circle_look_again(pool->wake); /* fewer may be for jobs of the lower priorities */
    return tti_worker_fill(pool);
}

enum tt_status tt_pool_set_limits(struct tt_pool *pool, uint32_t queue_limit, uint32_t spare_count,
                                  uint64_t queue_timeout_us) {
    if (!tti_is_on_loop(pool->wake, __func__) || queue_limit == 0 || spare_count > TT_POOL_WORKERS_MAX)
        return TT_INVALID;
    pool->queue_limit = queue_limit;
    pool->queue_timeout_us = queue_timeout_us;
    atomic_store_explicit(&pool->shown_limit, queue_limit, memory_order_relaxed);
    tti_lock_enter(&pool->lock);
    pool->spare_count = spare_count;
    tti_lock_leave(&pool->lock);
    (void)tti_worker_fill(pool); /* a thread that can't start is counted and shown: the limits are set */
    return TT_OK;
}

void tt_pool_close(struct tt_pool *pool) {
    if (!tti_is_on_loop(pool->wake, __func__))
        return;
    pool->is_closed = true;
    atomic_store_explicit(&pool->shown_closed, 1, memory_order_relaxed);
    tti_map_end_waits(pool);
}

bool tt_pool_is_idle(const struct tt_pool *pool) {
    return tti_is_on_loop(pool->wake, __func__) && pool->inside_count == 0;
}

/** One turn of a private loop: sleeps until something happens or until due_us, then dispatches. */
static void turn(struct tt_wake *wake, uint64_t due_us) TT_ON_LOOP {
    bool used_prepare = wake->uses_prepare;
    int64_t sleep_us = tt_wake_prepare(wake);
    uint64_t now_us = tti_clock_now_us();
    int64_t left_us = due_us > now_us ? (int64_t)(due_us - now_us) : 0;
    if (sleep_us < 0 || sleep_us > left_us)
        sleep_us = left_us;
    struct pollfd watched = {.fd = wake->read_fd, .events = POLLIN};
    struct timespec limit = {sleep_us / 1000000, sleep_us % 1000000 * 1000};
    (void)ppoll(&watched, 1, &limit, NULL); /* interrupted or not: the dispatch looks at everything */
    (void)tti_wake_dispatch(wake, DISPATCH_COUNT);
    wake->uses_prepare = used_prepare;
    if (!used_prepare)
        (void)tti_wake_dispatch(wake, 0); /* arms the pipe again for a loop that never prepares */
}

/** Cancels what waits for a permit: those that hold the permits may be zombies, which never give them back. */
static void give_up_limited(struct tt_pool *pool) TT_ON_LOOP {
    struct tt_limiter *limiter = pool->wake->limiters;
    while (limiter != NULL) {
        struct tt_limiter *next_limiter = limiter->next; /* it leaves the list with its last job */
        struct tt_job *job = limiter->first;
        while (job != NULL) {
            struct tt_job *next = job->next;
            if (job->pool == pool)
                (void)tti_cancel_waiting(job, TT_CANCELLED); /* true: only the loop moves it */
            job = next;
        }
        limiter = next_limiter;
    }
}

/** A job in the queue or in a worker's hand, which the loop may take back. */
static struct tt_job *first_waiting(struct tt_pool *pool) TT_ON_LOOP {
    tti_lock_enter(&pool->lock);
    struct tt_job *job = tti_lane_after(&pool->queue, NULL);
    for (struct tti_worker *worker = pool->hands; worker != NULL && job == NULL; worker = worker->next_hand) {
        uint32_t at = tti_hand_waiting(&worker->hand, 0);
        job = at != TTI_HAND_MAX ? worker->hand.jobs[at] : NULL;
    }
    tti_lock_leave(&pool->lock);
    return job;
}

/** Cancels what waits, and gives up what runs; a job without release is given up too, its memory stays in use. */
static void give_up_all(struct tt_pool *pool) TT_ON_LOOP {
    uint64_t now_us = tti_wake_time_us(pool->wake);
    struct tt_job *job;
    give_up_limited(pool);
    tt_wake_flush(pool->wake);
    while ((job = first_waiting(pool)) != NULL)
        (void)tti_cancel_waiting(job, TT_CANCELLED); /* false: a worker has just taken it */
    struct tt_job *running = NULL;
    tti_lock_enter(&pool->lock);
    for (struct tti_worker *worker = pool->workers; worker != NULL; worker = worker->next) {
        job = tti_hand_running(&worker->hand);
        if (job == NULL)
            continue;
        job->prev = running;
        running = job;
    }
    tti_lock_leave(&pool->lock);
    while (running != NULL) {
        job = running;
        running = job->prev;
        (void)tti_cancel_running(job, TT_ABANDONED, now_us); /* false: it has just finished */
    }
}

/** All that is inside, also what waits for a permit, which other threads can't see. */
static void list_left(struct tt_pool *pool, struct tt_job_snapshot *left, size_t capacity) TT_ON_LOOP {
    if (capacity == 0)
        return;
    memset(left, 0, capacity * sizeof *left); /* a job that has just finished is counted, but can't be described */
    tt_wake_flush(pool->wake);
    size_t count = tt_pool_jobs(pool, left, capacity);
    uint64_t now_us = tti_clock_now_us();
    for (const struct tt_limiter *limiter = pool->wake->limiters; limiter != NULL; limiter = limiter->next)
        for (const struct tt_job *job = limiter->first; job != NULL && count < capacity; job = job->next)
            if (job->pool == pool)
                tti_stats_copy_queued(job, now_us, &left[count++]);
}

/** Whether some done is still due. */
static bool has_unfinished(const struct tt_pool *pool) TT_ON_LOOP {
    return pool->waiting_count != 0;
}

static size_t drain(struct tt_pool *pool, uint64_t timeout_us, struct tt_job_snapshot *left,
                    size_t left_capacity) TT_ON_LOOP {
    uint64_t due_us = tti_clock_add_us(tti_clock_now_us(), timeout_us);
    tt_pool_close(pool);
    while (pool->maps != NULL)
        (void)tti_wake_dispatch(pool->wake, DISPATCH_COUNT);
    while (!tt_pool_is_idle(pool) && tti_clock_now_us() < due_us)
        turn(pool->wake, due_us);
    if (tt_pool_is_idle(pool))
        return 0;
    size_t count = pool->inside_count;
    list_left(pool, left, left_capacity);
    while (has_unfinished(pool)) {
        give_up_all(pool);
        (void)tti_wake_dispatch(pool->wake, DISPATCH_COUNT);
    }
    return count;
}

size_t tt_pool_drain(struct tt_pool *pool, uint64_t timeout_us, struct tt_job_snapshot *left, size_t left_capacity) {
    if (!tti_is_on_loop(pool->wake, __func__) || !tti_is_outside(pool->wake, __func__))
        return 0;
    return drain(pool, timeout_us, left, left_capacity);
}

/** Tells all threads to end. Those inside a job or a start hook are left behind; the rest is joined. */
static void stop_workers(struct tt_pool *pool) TT_ON_LOOP {
    tti_lock_enter(&pool->lock);
    pool->is_stopping = true;
    struct tti_worker *sleepers = pool->idle;
    pool->idle = NULL;
    pool->idle_count = 0;
    for (struct tti_worker *worker = pool->workers; worker != NULL; worker = worker->next)
        if (!worker->is_ready)
            tti_park_wake(&worker->park); /* it may sleep between two tries of its start hook */
    tti_lock_leave(&pool->lock);
    while (sleepers != NULL) {
        struct tti_worker *next = sleepers->next_idle;
        tti_park_wake(&sleepers->park);
        sleepers = next;
    }
}

/** Its memory goes back out of the loop's sight. */
static void forget_job(struct tt_job *job) TT_ON_LOOP {
    tti_watch_forget(&job->watches);
    if (job->key != NULL)
        job->key->inside_count--; /* no longer this pool's: it may go to another one */
}

/**
 * Whether its worker is past the end of the job before, which it may still be pushing: it goes on to the next job of its
 * hand first. Acquire pairs with the release in tti_worker_run.
 */
static bool has_begun(const struct tt_job *job) TT_ON_LOOP {
    return atomic_load_explicit(&job->started_us, memory_order_acquire) != 0;
}

/** Whether only threads are left that nobody can wait for, no release is due but theirs, and the wake has nothing of ours. */
static bool only_stuck_left(struct tt_pool *pool) TT_ON_LOOP {
    tti_lock_enter(&pool->lock);
    uint32_t stuck_count = 0;
    bool only_stuck = !pool->has_requests_posted;
    for (struct tti_worker *worker = pool->workers; worker != NULL && only_stuck; worker = worker->next) {
        if (worker->is_lodger && worker->zombie == NULL)
            continue; /* every done has been called: it runs nothing any more, and its host counts */
        only_stuck = worker->zombie != NULL && has_begun(worker->zombie);
        stuck_count++;
    }
    only_stuck = only_stuck && pool->inside_count == stuck_count;
    if (only_stuck) {
        pool->is_orphaned = true;
        for (struct tti_worker *worker = pool->workers; worker != NULL; worker = worker->next) {
            if (worker->zombie != NULL)
                forget_job(worker->zombie);
            if (!worker->is_lodger)
                (void)pthread_detach(worker->thread); /* nobody will join it */
        }
    }
    tti_lock_leave(&pool->lock);
    return only_stuck;
}

static void forget(struct tt_pool *pool) TT_ON_LOOP {
    struct tt_pool **link = &pool->wake->pools;
    while (*link != pool)
        link = &(*link)->next_pool;
    *link = pool->next_pool;
}

void tti_pool_end(struct tt_pool *pool) {
    (void)drain(pool, 0, NULL, 0); /* what is left has been told so in its done */
    tt_timer_stop(pool->wake, &pool->scan);
    tt_timer_stop(pool->wake, &pool->relief);
    if (pool->options.worker_count == 0) {
        while (!tt_pool_is_idle(pool)) /* a job that gave itself up while it ran: its release is due */
            (void)tti_wake_dispatch(pool->wake, DISPATCH_COUNT);
        tti_inline_stop(pool);
    } else {
        stop_workers(pool);
        /* Bounded: a worker between two jobs of its hand wakes nobody when it has got to the next one. */
        while (!only_stuck_left(pool))
            turn(pool->wake, tti_clock_add_us(tti_clock_now_us(), LOOK_AGAIN_US));
    }
    forget(pool);
    tti_beacon_forget_name(&pool->wake->beacon);
    tti_pool_release(pool);
}

void tt_pool_destroy(struct tt_pool *pool) {
    if (pool != NULL && tti_is_on_loop(pool->wake, __func__) && tti_is_outside(pool->wake, __func__))
        tti_pool_end(pool);
}
