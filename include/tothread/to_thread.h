/**
 * To thread: one line that takes a blocking call off the loop.
 *
 *     tt_to_thread(wake, load, path, on_loaded, me, NULL);
 *
 * runs load(path) on a worker, and then on_loaded(its result, TT_DONE, me) on the loop. It allocates what it needs.
 * Programs that count allocations, cancel, or want limits embed a job instead (job.h).
 *
 * Without a pool of its own it uses the wake's default pool: tt_cpus_suggest_workers workers and a queue of
 * TT_DEFAULT_QUEUE_LIMIT, made when it is first needed and ended by tt_wake_destroy.
 */
#ifndef TOTHREAD_TO_THREAD_H
#define TOTHREAD_TO_THREAD_H

#include <stdint.h>
#include <tothread/job.h>
#include <tothread/pool.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_DEFAULT_QUEUE_LIMIT 1024u

/** The blocking call. Thread: a worker. Returns: whatever it likes, NULL included. */
typedef void *(*tt_to_thread_fn)(void *argument);

/**
 * Its result, for TT_DONE; NULL and the reason for every other outcome.
 *
 * Thread:  loop, once, never from inside tt_to_thread
 * Owns:    takes result.
 */
typedef void (*tt_result_fn)(void *result, enum tt_outcome outcome, void *context);

struct tt_to_thread_options {
    struct tt_pool *pool;      /* NULL: the default one */
    const char *name;          /* for snapshots; must outlive the pool; may be NULL */
    uint64_t queue_timeout_us; /* 0: the pool's */
    uint64_t run_timeout_us;   /* 0: none */
    void (*free_result)(
        void *result); /* for one that comes after its time-out; may be NULL. Thread: loop, or its worker */
};

/**
 * Has fn(argument) run on a worker, and done called with what it returned.
 *
 * Thread:  loop
 * Owns:    keeps argument until fn has returned; done's context until done was called. When done comes with
 *          TT_EXPIRED_RUN or TT_ABANDONED fn still runs, and nothing will say when it has returned: fn frees what it
 *          was given then, or a job is the better tool (job.h).
 * Returns: TT_OK; TT_FULL, TT_CLOSED as tt_pool_submit; TT_NOMEM, TT_SYSTEM when the default pool can't be made. Unless
 *          TT_OK done is not called.
 */
TT_EXPORT enum tt_status tt_to_thread(struct tt_wake *wake, tt_to_thread_fn fn, void *argument, tt_result_fn done,
                                      void *context,
                                      const struct tt_to_thread_options *options) TT_ON_LOOP TT_MUST_CHECK;

/**
 * The pool that tt_to_thread uses where none is named; makes it if there is none.
 *
 * Thread:  loop
 * Owns:    lends, until tt_wake_destroy or tt_wake_set_default_pool.
 * Returns: the pool, or NULL with *reterr filled: as tt_pool_create.
 */
TT_EXPORT struct tt_pool *tt_wake_default_pool(struct tt_wake *wake, struct tt_error *reterr) TT_ON_LOOP;

/**
 * Makes one of your pools the default. NULL: one is made again when it is needed.
 *
 * Thread:  loop, not from inside anything that a dispatch calls if there is a default pool that was made by itself
 * Owns:    keeps pool, which stays yours: name another one before you destroy it. A pool that was made by itself ends.
 */
TT_EXPORT void tt_wake_set_default_pool(struct tt_wake *wake, struct tt_pool *pool) TT_ON_LOOP;

#ifdef __cplusplus
}
#endif
#endif
