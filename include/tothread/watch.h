/**
 * Watch: hears of a job's end beside its done function.
 *
 * Any number of watches may look at one job. A watch is embedded in the caller's object and lives from tt_watch_start
 * until it has been told that the job was released, or until tt_watch_stop. gather, wait, scope, map and nest are made
 * of watches.
 *
 * In the order of their starts, on the loop:
 *     job->done, on_done of each watch, job->release, on_release of each watch
 * For a job without a release function all of them come after job->done; where that frees the job, no watch may look
 * at it. A watch must not lie in memory that job->release frees. A job that outlives its pool (a zombie at its end) is
 * released on its worker: its watches are stopped by tt_pool_destroy, and their on_release isn't called.
 *
 * Normal use:
 * 1. zero the watch, set on_done (and on_release);
 * 2. tt_watch_start(&watch, job), after the job was submitted;
 * 3. in on_done: look at watch->outcome, and at the job;
 * 4. to stop caring: tt_watch_stop, and the job goes on. Your own job's done function may be set to NULL for that at
 *    any time before it is called: only the loop reads it. Its release comes all the same.
 *
 * Thread: everything here is the loop's.
 */
#ifndef TOTHREAD_WATCH_H
#define TOTHREAD_WATCH_H

#include <tothread/job.h>
#include <tothread/status.h>
#include <tothread/thread.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a group of jobs ends those that run already. Those that have not started are taken back in either case. */
enum tt_stop {
    TT_STOP_ASK = 0, /* tt_job_interrupt: they end when their functions return */
    TT_STOP_ABANDON  /* tt_job_abandon: they end at once, and are released when their functions return. Those that have
                        no release function are asked */
};

struct tt_watch;

/** May submit, cancel, start and stop watches, its own too; must not destroy the pool. Thread: loop, no lock held. */
typedef void (*tt_watch_fn)(struct tt_watch *watch);

struct tt_watch {
    /* the caller's, set before the start */
    tt_watch_fn on_done;    /* the job has ended: its outcome is known. May be NULL */
    tt_watch_fn on_release; /* no worker touches the job any more; job is NULL by then. May be NULL */

    /* the library's answer */
    struct tt_job *job;      /* NULL: stopped */
    enum tt_outcome outcome; /* from on_done on; TT_NONE before */

    /* the library's own */
    struct tt_watch *next;
    struct tt_watch **link;
};

/**
 * Watches a job that was submitted and has not been released. One that has ended already (a zombie) is told of in
 * on_release only, its outcome stands in watch->outcome at once.
 *
 * Thread:  loop
 * Owns:    keeps *watch until on_release was called, or tt_watch_stop.
 * Returns: TT_OK; TT_INVALID for a job that isn't inside a pool, or a watch that watches already.
 */
TT_EXPORT enum tt_status tt_watch_start(struct tt_watch *watch, struct tt_job *job) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Looks away: neither function is called any more. The job goes on. Fine for a watch that doesn't watch.
 *
 * Thread:  loop
 */
TT_EXPORT void tt_watch_stop(struct tt_watch *watch) TT_ON_LOOP;

#ifdef __cplusplus
}
#endif
#endif
