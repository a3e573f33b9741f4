/**
 * Gather: several jobs at once, their outcomes in the order of the arguments.
 *
 * It submits the jobs that are idle and only watches those that are inside a pool already, so that one job in two items
 * runs once and its outcome appears twice. Nothing is allocated: the caller embeds the gather and gives the array of
 * items, one a job. done is called once; release once after it, when no worker touches any of the jobs any more and the
 * library none of the items.
 *
 *     a gather is    leaves by
 *     idle           tt_gather_start
 *     open           all children have ended, or the first failure without TT_GATHER_ALL; then done is called
 *     stopping       cancelled or out of time: all children have ended; then done is called
 *     done           all children were released; then release is called, and it is idle again
 *
 * Normal use:
 * 1. zero gather and items; set items[i].job (run, done, ... as for tt_pool_submit), gather.done, gather.release;
 * 2. tt_gather_start(&gather, pool, items, count);
 * 3. in done: look at gather->outcome, then at items[i].status and items[i].outcome;
 * 4. in release: free what you have allocated for it, the jobs included. Job->release must not free an item.
 *
 * As asyncio.gather: an empty one is done in the next dispatch; the first failure is passed on at once while the others
 * go on (TT_GATHER_ALL is return_exceptions=True); a child that somebody else cancelled is a failed item and doesn't
 * cancel the gather; a cancelled gather is done only after its children have ended, with either flag. Its timeout_us is
 * asyncio.wait_for around it: one clock over queue and run, done after the cancelled children have ended. Better than
 * there: release says when their threads are really free, and TT_STOP_ABANDON bounds the wait for them.
 *
 * Done runs in the context that was current in tt_gather_start. A job that outlives its pool is never released on the
 * loop, nor is a gather over it: its memory is yours once tt_pool_destroy has returned and done has been called.
 */
#ifndef TOTHREAD_GATHER_H
#define TOTHREAD_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/job.h>
#include <tothread/pool.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>
#include <tothread/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tt_gather;

/** May submit, cancel, start gathers, detach this one; must not destroy the pool. Thread: loop, no lock held. */
typedef void (*tt_gather_fn)(struct tt_gather *gather);

/* gather->flags */
#define TT_GATHER_ALL 1u /* done when all have ended; without it at the first item that failed or was refused */

/* item->flags */
#define TT_ITEM_SHIELD 1u /* not cancelled with the gather, which then doesn't wait for it either: it goes on alone */

struct tt_gather_item {
    /* the caller's, set before the start */
    struct tt_job *job;
    uint32_t flags;

    /* the answer */
    enum tt_status status;   /* what the pool said to the job; TT_OK too for one that was inside a pool already */
    enum tt_outcome outcome; /* TT_NONE: refused, or not ended */
    bool was_cut;            /* had not ended when the gather was cancelled or its time was up */

    /* the library's own */
    struct tt_watch watch;
    struct tt_gather *gather;
};

struct tt_gather {
    /* the caller's, set before the start */
    tt_gather_fn done;    /* may be NULL */
    tt_gather_fn release; /* may be NULL */
    uint32_t flags;
    enum tt_stop stop;   /* what the time-out does to children that run */
    uint64_t timeout_us; /* over queue and run; 0: none */

    /* the answer, valid in done and after; failures that come after done are counted as well */
    enum tt_outcome outcome; /* TT_DONE, TT_FAILED; TT_CANCELLED by tt_gather_cancel; TT_EXPIRED_RUN by the time-out */
    size_t first_failed;     /* index of the item that failed first; count when none did */
    size_t failed_count;     /* items that were refused, or whose outcome isn't TT_DONE */

    /* the library's own */
    struct tt_gather_item *items;
    size_t count;
    size_t left_count; /* not ended */
    size_t held_count; /* not released */
    struct tt_wake *wake;
    struct tt_context *context;
    struct tt_timer timer;
    uint32_t state;
};

/**
 * Submits or watches the jobs, in the order of the items, and returns. A job that the pool refuses is a failed item,
 * with the pool's word in its status. All others are submitted nevertheless.
 *
 * Thread:  loop
 * Owns:    keeps *gather and the items until release, or tt_gather_detach. The jobs as with tt_pool_submit.
 * Returns: TT_OK; TT_INVALID, with nothing submitted, for a gather that isn't idle or an item without a job.
 */
TT_EXPORT enum tt_status tt_gather_start(struct tt_gather *gather, struct tt_pool *pool, struct tt_gather_item *items,
                                         size_t count) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Ends it early: takes back children that have not started, asks or abandons those that run, lets shielded ones go.
 * done comes after all others have ended, with TT_CANCELLED. May be called again to abandon those that don't react.
 *
 * A shielded job that stands in a second item without the shield is cancelled there.
 *
 * Thread:  loop; not from the done function of a job after that has freed the job
 * Returns: TT_OK; TT_TOO_LATE when it is done, or done is due, or no child is left that could be stopped: nobody is
 *          cancelled then; TT_INVALID for one that is idle.
 */
TT_EXPORT enum tt_status tt_gather_cancel(struct tt_gather *gather, enum tt_stop stop) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Stops caring: the children go on, neither done nor release is called any more. Fine for one that is idle, and in
 * done.
 *
 * Thread:  loop
 * Owns:    gives *gather and the items back at once. The jobs are the pool's as before.
 */
TT_EXPORT void tt_gather_detach(struct tt_gather *gather) TT_ON_LOOP;

#ifdef __cplusplus
}
#endif
#endif
