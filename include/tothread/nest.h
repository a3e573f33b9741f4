/**
 * Nest: jobs that a running job submits, and waits for, on its own worker thread.
 *
 * A worker that waits for jobs of its own pool would wait for ever once all workers do so: with one worker, at once.
 * Here it doesn't wait idly: children that no other worker has begun yet it runs itself, with its own worker state.
 *
 * What would wait for ever is not waited for. Two circles are seen from the ancestors alone, whoever else is busy, and
 * refused before anything is submitted: coming back to a pool from the worker of another one while an ancestor holds a
 * worker of it, and asking for a permit of a limiter of which an ancestor holds one. Any other is seen when the last of its
 * workers goes to sleep, or when a pool or a limiter gets smaller: a permit whose holder waits behind the parents, pools
 * that nest into each other at once. Then a child that hasn't started is taken back (TT_CANCELLED), and the rest goes on.
 *
 * Waits that the library doesn't know aren't seen: for locks, or for a stream's other end. A function that returns some
 * day, and a limiter that is paused, are waited for.
 *
 * Normal use, inside run:
 * 1. set up the children's jobs in your own object, and an array of items that name them;
 * 2. tt_nest_run(job, pool, items, count);
 * 3. look at each item's status and outcome.
 */
#ifndef TOTHREAD_NEST_H
#define TOTHREAD_NEST_H

#include <stddef.h>
#include <tothread/job.h>
#include <tothread/pool.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tti_nest;

struct tt_nest_item {
    struct tt_job *job;      /* the caller's: set before */
    enum tt_status status;   /* of its submit: refused unless TT_OK */
    enum tt_outcome outcome; /* of a job that was not refused, once tt_nest_run has returned */

    /* the library's own */
    struct tt_watch watch;
    struct tti_nest *nest;
};

/**
 * Submits all items and waits until each has ended, in whatever way. A child beyond its run time has ended for whoever
 * waits; one that runs on this very thread holds it until it returns nevertheless. Their done and release functions run
 * on the loop as ever. A child takes the parent's context along, unless it names one itself. Asking the parent to end
 * doesn't end the children: give them a deadline.
 *
 * Thread:  worker, from inside job's run
 * Owns:    keeps the items and their jobs until it returns: done and release must not free them before, nor submit them
 *          again. The job of a child that was given up is in use until its own release. The pool must not be destroyed
 *          before each job that names it here has returned.
 * Blocks:  until the last child has ended, and those that run on this thread have returned. The loop must turn
 *          meanwhile.
 * Returns: TT_OK, and each item says how it went; TT_DEADLOCK: children would have waited for ever, so all were refused, or
 *          those that are TT_CANCELLED were taken back: each item says which. All else submits nothing, and leaves the
 *          items alone: TT_CLOSED when the parent had been asked to end or given up before; TT_WRONG_THREAD from
 *          elsewhere, and in a pool of 0 workers, where it would hold the loop up; TT_INVALID without items, for children
 *          in such a pool, or in a pool of another wake; TT_NOMEM.
 */
TT_EXPORT enum tt_status tt_nest_run(struct tt_job *job, struct tt_pool *pool, struct tt_nest_item *items,
                                     size_t count) TT_ON_WORKER TT_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
