/**
 * Wait and each: hear of several jobs without owning them. Neither submits, cancels or fails anything.
 *
 * tt_wait tells once: when the first of a set has ended, or the first has failed, or all have, or its time is up.
 * tt_each tells of every job by itself, in the order in which they end. Both look at jobs that are inside a pool, given
 * as an array of items that the caller embeds. Nothing is allocated.
 *
 * An item remembers its outcome: an item whose job has ended counts as ended in the next wait as well, and its job
 * isn't looked at any more, so it may be gone. Between two waits over the same items nothing is missed: those that are
 * pending when done is called go on being watched. An item with job == NULL isn't in the set.
 *
 * Normal use of wait:
 * 1. zero the items, set items[i].job, submit the jobs; zero the wait, set done (and when, timeout_us);
 * 2. tt_wait_start(&wait, wake, items, count);
 * 3. in done: deal with the items that have an outcome, and take them out of the set with item->job = NULL;
 * 4. tt_wait_start again for the rest; TT_INVALID says that the set is empty;
 * 5. tt_wait_stop(&wait) when you lose interest.
 *
 * As asyncio.wait: a time-out neither cancels nor is an error, it says who is pending; a job that somebody took back or
 * gave up counts as ended, but isn't the first to fail; an empty set is a mistake. As asyncio.as_completed: each in the
 * order of ending, with one time-out for all. Functions run in the context that was current at the start.
 */
#ifndef TOTHREAD_WAIT_H
#define TOTHREAD_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/job.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>
#include <tothread/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tt_each;
struct tt_wait;

struct tt_wait_item {
    /* the caller's, set before the start; zero the item to use it for another job */
    struct tt_job *job; /* NULL: not in the set */

    /* the answer */
    enum tt_outcome outcome; /* TT_NONE: pending */

    /* the library's own */
    struct tt_watch watch;
    void *set;
};

/* -- wait -- */

enum tt_wait_when {
    TT_WAIT_ALL = 0,
    TT_WAIT_FIRST_DONE,  /* ended in whatever way */
    TT_WAIT_FIRST_FAILED /* ended neither TT_DONE nor taken back or given up; or all have ended */
};

/** May start this wait again, stop or free it; must not destroy the pool. Thread: loop, no lock held. */
typedef void (*tt_wait_fn)(struct tt_wait *wait);

struct tt_wait {
    /* the caller's, set before the start */
    tt_wait_fn done; /* may be NULL */
    enum tt_wait_when when;
    uint64_t timeout_us; /* 0: none */

    /* the answer */
    bool is_over;        /* done was called */
    bool is_timed_out;   /* by the clock */
    size_t ended_count;  /* items of the set that have an outcome */
    size_t failed_count; /* of those: the ones that count for TT_WAIT_FIRST_FAILED */
    size_t set_count;    /* items with a job */

    /* the library's own */
    struct tt_wait_item *items;
    size_t count;
    struct tt_wake *wake; /* NULL: idle */
    struct tt_context *context;
    struct tt_timer timer;
};

/**
 * Waits for the items, and returns at once. done follows from a dispatch, also for what has come true already.
 *
 * Thread:  loop
 * Owns:    keeps *wait and the items until each item has an outcome and done was called, or tt_wait_stop.
 * Returns: TT_OK; TT_INVALID, with nothing started, for an empty set, a wait that isn't over, an item of another set,
 *          or a pending item whose job isn't inside a pool.
 */
TT_EXPORT enum tt_status tt_wait_start(struct tt_wait *wait, struct tt_wake *wake, struct tt_wait_item *items,
                                       size_t count) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Stops waiting: done isn't called, the jobs go on. Fine for one that is over or was never started.
 *
 * Thread:  loop
 * Owns:    gives *wait and the items back at once.
 */
TT_EXPORT void tt_wait_stop(struct tt_wait *wait) TT_ON_LOOP;

/* -- each -- */

/** An item has ended. May stop or free the each. Thread: loop, no lock held. */
typedef void (*tt_each_item_fn)(struct tt_each *each, struct tt_wait_item *item);

/** All items were told of, or the time is up. May start the each again, or free it. Thread: loop, no lock held. */
typedef void (*tt_each_fn)(struct tt_each *each);

struct tt_each {
    /* the caller's, set before the start */
    tt_each_item_fn on_item; /* may be NULL */
    tt_each_fn on_end;       /* may be NULL */
    uint64_t timeout_us;     /* over all items; 0: none */

    /* the answer */
    bool is_timed_out;
    size_t told_count;
    size_t set_count; /* items with a job */

    /* the library's own */
    struct tt_wait_item *items;
    size_t count;
    struct tt_wake *wake; /* NULL: idle */
    struct tt_context *context;
    struct tt_timer timer;
    struct tt_timer early; /* tells of those that had ended before the start */
    size_t early_count;
    bool *is_gone; /* points at the stack while on_item runs */
};

/**
 * Has on_item called for each item in the order of ending, then on_end once. Items that have an outcome already come
 * first, in their order, in the next dispatch; an empty set ends there.
 *
 * Thread:  loop
 * Owns:    keeps *each and the items until on_end, or tt_each_stop.
 * Returns: TT_OK; TT_INVALID, with nothing started, for one that hasn't ended, an item of another set, or a pending
 *          item whose job isn't inside a pool.
 */
TT_EXPORT enum tt_status tt_each_start(struct tt_each *each, struct tt_wake *wake, struct tt_wait_item *items,
                                       size_t count) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Stops: neither function is called any more, the jobs go on. Fine for one that has ended or was never started.
 *
 * Thread:  loop
 * Owns:    gives *each and the items back at once.
 */
TT_EXPORT void tt_each_stop(struct tt_each *each) TT_ON_LOOP;

#ifdef __cplusplus
}
#endif
#endif
