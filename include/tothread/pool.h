/**
 * Pool: one bounded queue and its workers.
 *
 * A pool belongs to the loop whose wake it was created with: all functions are the loop's except the
 * snapshots of <tothread/stats.h>. It never grows beyond what its options say: `queue_limit` jobs wait,
 * `worker_count` jobs run, and up to `spare_count` threads stand in for workers that a run deadline has
 * left behind (zombies).
 *
 * fork takes no workers along. In the child nothing of a pool or its wake may be used, not even to destroy it: all that is
 * left is exec, which closes the wake's descriptors, or _exit. A program that wants pools in a child forks before it has any.
 *
 * Normal use:
 * 1. struct tt_pool_options options = {.name = "db", .worker_count = 4, .queue_limit = 100};
 *    pool = tt_pool_create(wake, &options, &error);
 * 2. tt_pool_submit(pool, &object->job);
 * 3. tt_pool_close(pool) when no more work may come; go on dispatching until tt_pool_is_idle(pool);
 *    or tt_pool_drain(pool, ...), which does both and has a hard end;
 * 4. tt_pool_destroy(pool).
 */
#ifndef TOTHREAD_POOL_H
#define TOTHREAD_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/job.h>
#include <tothread/limiter.h>
#include <tothread/stats.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_POOL_WORKERS_MAX 4096
#define TT_POOL_NAME_MAX    32

enum tt_cpu_accounting {
    TT_CPU_SAMPLED = 0, /* a worker reads its CPU clock at most once a millisecond and charges what has
                           passed to the job that ends then: the sum is exact, one job within 1 ms */
    TT_CPU_EXACT,       /* two readings a job, 0.2 us each */
    TT_CPU_OFF          /* cpu_us stays 0 */
};

/**
 * Makes a worker's own state (a connection, a library's per-thread initialisation). A worker whose start
 * hook fails takes no jobs; it tries again after 0.1 s, then 0.2 s, ... up to 5 s.
 *
 * Thread:  that worker, before its first job (the loop for a pool with 0 workers)
 * Owns:    *ret_state is the worker's until the stop hook.
 * Returns: TT_OK, or another status with *reterr filled.
 */
typedef enum tt_status (*tt_worker_start_fn)(void *context, void **ret_state, struct tt_error *reterr);

/** Ends a worker's own state. Thread: that worker, after its last job. */
typedef void (*tt_worker_stop_fn)(void *context, void *state);

struct tt_pool_options {
    const char *name;          /* required; 1 to 31 bytes, copied; threads are called name-1, name-2, ... */
    uint32_t worker_count;     /* 0 to 4096; 0: jobs run on the loop, inside tt_wake_dispatch (for tests) */
    uint32_t queue_limit;      /* 1 or more: jobs that wait while all workers are busy */
    uint32_t spare_count;      /* threads that may stand in for zombies; 0: none */
    size_t stack_bytes;        /* 0: 256 KiB; at least PTHREAD_STACK_MIN */
    uint64_t queue_timeout_us; /* for jobs that don't set their own; 0: none */
    uint64_t ageing_us;        /* a job that has waited so long counts as one priority higher; 0: 1 s */
    uint32_t reserved_count;   /* of the workers, for jobs of high priority alone; less than worker_count */
    enum tt_cpu_accounting cpu_accounting;
    tt_worker_start_fn on_start; /* may be NULL */
    tt_worker_stop_fn on_stop;   /* may be NULL */
    void *context;               /* for the hooks; must outlive the pool, and any job it leaves behind */
};

/**
 * Creates a pool and starts its workers. Their start hooks run on the workers, after this returns.
 *
 * Thread:  loop
 * Owns:    the pool is yours until tt_pool_destroy; keeps wake and options->context.
 * Returns: the pool, or NULL with *reterr filled: TT_INVALID, TT_NOMEM, TT_SYSTEM (a thread can't start).
 */
TT_EXPORT struct tt_pool *tt_pool_create(struct tt_wake *wake, const struct tt_pool_options *options,
                                         struct tt_error *reterr) TT_ON_LOOP;

/**
 * Ends the pool: as tt_pool_drain with no time left, then frees it. Workers are joined, but for those
 * inside a job: they are left behind, release the job when it returns, and end.
 *
 * Thread:  loop, not from inside anything that a dispatch calls
 * Owns:    takes *pool; NULL is fine. A job left behind is its worker's until release.
 * Blocks:  for start and stop hooks that are under way; it dispatches the wake meanwhile, other pools' jobs included.
 */
TT_EXPORT void tt_pool_destroy(struct tt_pool *pool) TT_ON_LOOP;

/**
 * Hands one job to the pool and returns at once. The job goes to the workers with all others of this
 * turn, in tt_wake_prepare, tt_wake_dispatch or tt_wake_flush: one lock and at most one wake for all.
 *
 * Thread:  loop
 * Owns:    takes *job on TT_OK and gives it back in release; on refusal it stays yours.
 * Returns: TT_OK; TT_FULL when queue_limit jobs wait and every worker is busy, or as many jobs of its key are
 *          inside as that allows; TT_CLOSED once the pool was closed; TT_INVALID for a job without run, one that is in
 *          use, one with a run time-out or deadline and no release, or one whose key has jobs in another pool.
 */
TT_EXPORT enum tt_status tt_pool_submit(struct tt_pool *pool, struct tt_job *job) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Changes the number of workers. More start at once; those too many end as they become idle. Never
 * ends one inside a job. A pool can't be changed from or to 0 workers.
 *
 * Thread:  loop
 * Returns: TT_OK; TT_INVALID out of range; TT_NOMEM, TT_SYSTEM when a thread can't start (what has started stays).
 */
TT_EXPORT enum tt_status tt_pool_resize(struct tt_pool *pool, uint32_t worker_count) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Changes the other limits: the queue's, the spare budget, the queue time-out of later jobs. A spare thread that can't
 * start is counted and shown (start_failures), and no error.
 *
 * Thread:  loop
 * Returns: TT_OK; TT_INVALID for a queue_limit of 0, or a spare_count beyond TT_POOL_WORKERS_MAX.
 */
TT_EXPORT enum tt_status tt_pool_set_limits(struct tt_pool *pool, uint32_t queue_limit, uint32_t spare_count,
                                            uint64_t queue_timeout_us) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Refuses all further submits with TT_CLOSED. What was accepted goes on.
 *
 * Thread:  loop
 */
TT_EXPORT void tt_pool_close(struct tt_pool *pool) TT_ON_LOOP;

/**
 * Whether no job is inside: every done and every release has been called.
 *
 * Thread:  loop
 */
TT_EXPORT bool tt_pool_is_idle(const struct tt_pool *pool) TT_ON_LOOP;

/**
 * Closes the pool and runs it empty, with a hard end: after timeout_us what is still queued is cancelled
 * and what still runs is abandoned, with their done functions called before this returns.
 *
 * Thread:  loop, not from inside anything that a dispatch calls
 * Blocks:  up to timeout_us; it dispatches the wake meanwhile, other pools' jobs included.
 * Returns: how many jobs were left at the hard end; 0 is a clean end. The first of them, up to
 *          left_capacity, are described in left.
 */
TT_EXPORT size_t tt_pool_drain(struct tt_pool *pool, uint64_t timeout_us, struct tt_job_snapshot *left,
                               size_t left_capacity) TT_ON_LOOP;

/**
 * How long a new job would wait, from the rate of the last seconds: for a Retry-After.
 *
 * Thread:  loop
 * Returns: microseconds, at least 1; 1 s where nothing has been measured yet.
 */
TT_EXPORT uint64_t tt_pool_expected_wait_us(const struct tt_pool *pool) TT_ON_LOOP;

#ifdef __cplusplus
}
#endif
#endif
