/*
 * Worker: one thread that takes a job, blocks in it, hands it back. Step 8 of 11.
 * Before: queue (pool/queue.c).
 * After:  complete (pool/complete.c).
 */
#include "internal.h"

#include "fault.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tothread/context.h>
#include <unistd.h>

#define RETRY_FIRST_US 100000u
#define RETRY_MOST_US  5000000u

#define WORKER_OF_GONE(post_) ((struct tti_worker *)((char *)(post_)-offsetof(struct tti_worker, gone)))

_Thread_local struct tti_worker *tti_worker_current;

/**
 * A zombie has come back: to the loop if there still is one. The lock keeps the loop from leaving meanwhile, and from
 * taking this worker for a stuck one once the job is on its way.
 */
static void hand_back_zombie(struct tti_worker *worker, struct tt_job *job) {
    struct tt_pool *pool = worker->pool;
    tti_lock_enter(&pool->lock);
    if (worker->zombie == job) /* else the next job of its hand was given up meanwhile */
        worker->zombie = NULL;
    pool->zombie_count -= worker->is_lodger ? 0 : 1;
    tti_queue_note_serving(pool);
    bool is_orphaned = pool->is_orphaned;
    if (!is_orphaned)
        tti_complete_push(pool->wake, job);
    tti_lock_leave(&pool->lock);
    if (!is_orphaned)
        return;
    struct tt_context *context = job->context;
    struct tt_context *before = tti_context_current; /* of the parent, on whose thread a child has run */
    tti_context_current = context;
    if (job->release != NULL)
        job->release(job);
    tti_context_current = before;
    tt_context_release(context);
}

/** Ends the job and starts the next one; a hook that is being called for it comes back first. */
static struct tt_job *advance(struct tti_worker *worker, const struct tt_job *job, bool *ret_given_up) {
    if (job->interrupt == NULL)
        return tti_hand_advance(&worker->hand, ret_given_up);
    tti_lock_enter(&worker->guard);
    struct tt_job *next = tti_hand_advance(&worker->hand, ret_given_up);
    tti_lock_leave(&worker->guard);
    return next;
}

struct tt_job *tti_worker_run(struct tti_worker *worker, struct tt_job *job) {
    struct tt_pool *pool = worker->pool;
    uint64_t started_us = atomic_load_explicit(&job->started_us, memory_order_relaxed);
    atomic_store_explicit(&worker->run_started_us, started_us, memory_order_relaxed);
    struct tt_context *before = tti_context_current; /* NULL, but for an inline pool's: that thread is the loop */
    tti_account_start(worker);
    tti_context_current = job->context;
    enum tt_outcome outcome = job->run(job, worker->state);
    tti_context_current = before;
    if (outcome != TT_DONE && outcome != TT_CRASHED && !(outcome == TT_CANCELLED && tt_job_is_cancelled(job)))
        outcome = TT_FAILED;
    uint64_t end_us = tti_tick_now_us(&worker->tick);
    uint64_t cpu_us = tti_account_cpu_us(worker, end_us);
    bool is_given_up;
    struct tt_job *next = advance(worker, job, &is_given_up);
    if (next == NULL)
        atomic_store_explicit(&worker->run_started_us, 0, memory_order_relaxed);
    if (is_given_up) {
        hand_back_zombie(worker, job);
    } else {
        /* The result is the worker's to write only now. */
        job->outcome = outcome;
        job->queue_us = started_us > job->submitted_us ? started_us - job->submitted_us : 0;
        job->run_us = end_us - started_us;
        job->cpu_us = cpu_us;
        tti_job_set_phase(job, TTI_FINISHED);
        tti_complete_push(pool->wake, job);
    }
    /* One job's end is the next one's beginning: a clock reading less. Release, after the push: whoever sees it knows
       that this worker has done with the wake (only_stuck_left in pool.c). */
    if (next != NULL)
        atomic_store_explicit(&next->started_us, end_us, memory_order_release);
    return next;
}

/** Tries the start hook until it succeeds or the pool ends. */
static bool start(struct tti_worker *worker) {
    struct tt_pool *pool = worker->pool;
    uint64_t delay_us = RETRY_FIRST_US;
    for (;;) {
        struct tt_error error = {0};
        enum tt_status status = TT_OK;
        if (pool->options.on_start != NULL)
            status = pool->options.on_start(pool->options.context, &worker->state, &error);
        tti_lock_enter(&pool->lock);
        bool is_over = pool->is_stopping || (status != TT_OK && tti_queue_has_surplus(pool));
        if (status == TT_OK) {
            worker->is_ready = true;
            pool->ready_count++;
            tti_queue_note_serving(pool);
        } else {
            pool->start_failures++;
            (void)snprintf(pool->start_error, sizeof pool->start_error, "%s",
                           error.text[0] != '\0' ? error.text : tt_status_name(status)); /* cut is fine */
            if (is_over)
                pool->thread_count--;
        }
        tti_lock_leave(&pool->lock);
        if (status == TT_OK)
            return true;
        if (is_over)
            return false;
        tti_park_wait(&worker->park, delay_us);
        delay_us = delay_us * 2 < RETRY_MOST_US ? delay_us * 2 : RETRY_MOST_US;
    }
}

static void link_worker(struct tt_pool *pool, struct tti_worker *worker) TT_REQUIRES(pool->lock) {
    worker->prev = NULL;
    worker->next = pool->workers;
    if (pool->workers != NULL)
        pool->workers->prev = worker;
    pool->workers = worker;
}

static void unlink_worker(struct tt_pool *pool, struct tti_worker *worker) TT_REQUIRES(pool->lock) {
    if (worker->prev != NULL)
        worker->prev->next = worker->next;
    else
        pool->workers = worker->next;
    if (worker->next != NULL)
        worker->next->prev = worker->prev;
}

/** Joins a thread that has said goodbye and takes it off the pool's list. */
static void on_gone(struct tt_post *post) {
    tt_assume_loop();
    struct tti_worker *worker = WORKER_OF_GONE(post);
    struct tt_pool *pool = worker->pool;
    tti_lock_enter(&pool->lock);
    unlink_worker(pool, worker);
    tti_lock_leave(&pool->lock);
    tti_circle_look_again(pool->wake);
    (void)pthread_join(worker->thread, NULL); /* it does nothing more after the post but return */
    tti_worker_free(worker);
    tti_pool_release(pool);
}

/** The thread's last act: the loop joins it, or nobody is left to. */
static void say_goodbye(struct tti_worker *worker) {
    struct tt_pool *pool = worker->pool;
    tti_lock_enter(&pool->lock);
    bool is_orphaned = pool->is_orphaned;
    if (!is_orphaned) {
        worker->gone.fn = on_gone;
        tt_wake_post(pool->wake, &worker->gone);
    } else {
        unlink_worker(pool, worker); /* its neighbour may be a lodger that leaves later */
    }
    tti_lock_leave(&pool->lock);
    if (is_orphaned) {
        tti_worker_free(worker);
        tti_pool_release(pool);
    }
}

static void *worker_main(void *argument) {
    tt_assume_worker();
    struct tti_worker *worker = argument;
    struct tt_pool *pool = worker->pool;
    tti_worker_current = worker;
    (void)pthread_setname_np(pthread_self(), worker->name); /* only a name */
    tti_lock_enter(&pool->lock);
    worker->thread_id = gettid();
    tti_lock_leave(&pool->lock);
    if (start(worker)) {
        worker->cpu_mark_us = tti_clock_thread_cpu_us();
        struct tt_job *job;
        while ((job = tti_queue_take(pool, worker, tti_tick_now_us(&worker->tick))) != NULL)
            while (job != NULL)
                job = tti_worker_run(worker, job);
        if (pool->options.on_stop != NULL)
            pool->options.on_stop(pool->options.context, worker->state);
    }
    say_goodbye(worker);
    return NULL;
}

/** Starts the thread with all signals blocked but those that a fault in it raises. Returns: 0 or an errno. */
static int start_thread(struct tti_worker *worker) {
    if (TTI_FAULT(thread_starts_fail))
        return EAGAIN;
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed != 0)
        return failed;
    size_t stack_bytes = worker->pool->options.stack_bytes;
    failed = pthread_attr_setstacksize(&attributes, stack_bytes);
    if (failed == 0) {
        sigset_t blocked;
        sigset_t before;
        (void)sigfillset(&blocked); /* these can't fail with constant arguments */
        (void)sigdelset(&blocked, SIGSEGV);
        (void)sigdelset(&blocked, SIGBUS);
        (void)sigdelset(&blocked, SIGFPE);
        (void)sigdelset(&blocked, SIGILL);
        (void)sigdelset(&blocked, SIGTRAP);
        (void)sigdelset(&blocked, SIGSYS);
        (void)pthread_sigmask(SIG_SETMASK, &blocked, &before);
        failed = pthread_create(&worker->thread, &attributes, worker_main, worker);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attributes); /* can't fail on Linux */
    return failed;
}

static void name_worker(struct tti_worker *worker, const char *pool_name) {
    char number[12];
    int digits = snprintf(number, sizeof number, "-%u", worker->number);
    int room = (int)sizeof worker->name - 1 - digits;
    (void)snprintf(worker->name, sizeof worker->name, "%.*s%s", room, pool_name, number); /* fits: 15 bytes */
}

struct tti_worker *tti_worker_new(struct tt_pool *pool) {
    struct tti_worker *worker = TTI_FAULT_NTH(allocation_fails) ? NULL : calloc(1, sizeof *worker);
    if (worker == NULL || tti_lock_init(&worker->guard) != 0) {
        free(worker);
        return NULL;
    }
    worker->pool = pool;
    worker->host = worker;
    worker->hand.next_count = 1;
    tti_tick_init(&worker->tick);
    return worker;
}

void tti_worker_free(struct tti_worker *worker) {
    while (worker != NULL) {
        struct tti_worker *lodger = worker->lodger;
        tti_lock_deinit(&worker->guard);
        free(worker);
        worker = lodger;
    }
}

static struct tti_worker *new_lodger(const struct tti_worker *host) {
    struct tti_worker *lodger = tti_worker_new(host->pool);
    if (lodger == NULL)
        return NULL;
    memcpy(lodger->name, host->name, sizeof lodger->name);
    lodger->state = host->state;
    lodger->is_lodger = true;
    lodger->host = host->host;
    return lodger;
}

struct tti_worker *tti_worker_lodge(struct tti_worker *host) {
    struct tt_pool *pool = host->pool;
    if (host->lodger == NULL)
        host->lodger = new_lodger(host);
    if (host->lodger == NULL)
        return NULL;
    host->lodger->cpu_mark_us = tti_clock_thread_cpu_us();
    host->lodger->cpu_charged_us = 0;
    tti_lock_enter(&pool->lock);
    host->lodger->thread_id = host->thread_id;
    link_worker(pool, host->lodger);
    tti_lock_leave(&pool->lock);
    return host->lodger;
}

void tti_worker_leave(struct tti_worker *host) {
    struct tt_pool *pool = host->pool;
    host->cpu_mark_us += host->lodger->cpu_charged_us;
    tti_lock_enter(&pool->lock);
    unlink_worker(pool, host->lodger);
    tti_lock_leave(&pool->lock);
}

/** Links the worker into the pool's list before its thread runs, and takes it out if that can't start. */
enum tt_status tti_worker_create(struct tt_pool *pool) {
    struct tti_worker *worker = tti_worker_new(pool);
    if (worker == NULL)
        return TT_NOMEM;
    (void)atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
    tti_lock_enter(&pool->lock);
    worker->number = ++pool->next_number;
    name_worker(worker, pool->name);
    link_worker(pool, worker);
    pool->thread_count++;
    tti_lock_leave(&pool->lock);
    int failed = start_thread(worker);
    if (failed == 0)
        return TT_OK;
    tti_lock_enter(&pool->lock);
    unlink_worker(pool, worker);
    pool->thread_count--;
    pool->start_failures++;
    (void)snprintf(pool->start_error, sizeof pool->start_error, "can't start a thread: %s", strerrordesc_np(failed));
    tti_lock_leave(&pool->lock);
    tti_worker_free(worker);
    tti_pool_release(pool);
    errno = failed;
    return TT_SYSTEM;
}

/** Starts threads until as many serve as are wanted, or the spare budget is used up. */
enum tt_status tti_worker_fill(struct tt_pool *pool) {
    if (pool->options.worker_count == 0)
        return TT_OK;
    for (;;) {
        tti_lock_enter(&pool->lock);
        bool is_missing = !pool->is_stopping && tti_pool_count_able(pool) < pool->target_count &&
                          pool->thread_count < pool->target_count + pool->spare_count;
        tti_lock_leave(&pool->lock);
        if (!is_missing)
            return TT_OK;
        enum tt_status status = tti_worker_create(pool);
        if (status != TT_OK)
            return status;
    }
}
