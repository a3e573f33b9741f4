/**
 * Map: one function over an array, on a pool, with as many workers at a time as the caller gives job slots.
 *
 * Each slot is a job that takes a chunk of indexes, runs the function over it, and comes back for the next one. Chunks
 * are handed out in the order of the indexes, and results are written in place, so they are in order whoever was
 * faster. When the pool's queue is full a map waits for room instead of failing. Nothing is allocated.
 *
 * Normal use:
 * 1. zero map and slots; set fn, base, stride, count, done, release (and user, chunk_size, outcomes, flags); in the
 *    slots' jobs set name, limiter, priority, key, cost, queue_timeout_us, run_timeout_us as wanted, for a chunk;
 * 2. tt_map_start(&map, pool, slots, slot_count);
 * 3. in fn, on a worker: block, write the result into the item;
 * 4. in done, on the loop: look at map->outcome and the counts;
 * 5. in release: free what you have allocated for it.
 *
 * As Executor.map with a chunk size, and the order of results as there. Better than there: it never queues more than
 * the slots hold, a failure neither hides the results behind it nor has to be fetched to be seen, and it can be
 * cancelled between two items. Done and release run in the context that was current in tt_map_start, and so do the
 * jobs.
 *
 * A chunk that was given up (run time-out, TT_STOP_ABANDON, the pool's end) is lost: its function still writes to its
 * items and outcomes, so look at them in release only. A chunk that outlives its pool is never released on the loop,
 * nor is the map.
 */
#ifndef TOTHREAD_MAP_H
#define TOTHREAD_MAP_H

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

struct tt_map;

/**
 * Does the work for one item. item is base + index * stride, or NULL without a base.
 *
 * Thread:  worker, several at a time for different items
 * Returns: TT_DONE, TT_FAILED or TT_CRASHED.
 */
typedef enum tt_outcome (*tt_map_item_fn)(void *item, size_t index, void *user);

/** May submit, cancel, start maps; must not destroy the pool. Thread: loop, no lock held. */
typedef void (*tt_map_fn)(struct tt_map *map);

/* map->flags */
#define TT_MAP_STOP 1u /* at the first failure: chunks that run end at their next item, no more are handed out */

struct tt_map_slot {
    /* the caller's: what step 2 names, nothing else */
    struct tt_job job;

    /* the library's own */
    struct tt_watch watch;
    struct tt_map *map;
    struct tt_map_slot *next_idle;
    size_t first;
    size_t count;
    size_t done_count; /* the worker's, until the chunk has ended */
    size_t failed_count;
    size_t first_failed;
};

struct tt_map {
    /* the caller's, set before the start */
    tt_map_item_fn fn;
    void *user; /* for fn */
    void *base; /* may be NULL */
    size_t stride;
    size_t count;
    size_t chunk_size; /* indexes a job takes at a time; 0: 1 */
    enum tt_outcome
        *outcomes; /* count of them, one an item: TT_NONE for those that fn wasn't called for. May be NULL */
    uint32_t flags;
    tt_map_fn done;    /* may be NULL */
    tt_map_fn release; /* may be NULL */

    /* the answer, valid in done and after: each item is in one of the four counts */
    enum tt_outcome outcome; /* TT_DONE: fn was for every item; TT_CANCELLED by tt_map_cancel; TT_FAILED otherwise */
    enum tt_status status;   /* why the pool took no more: TT_CLOSED, TT_INVALID for a slot's job; else TT_OK */
    size_t done_count;
    size_t failed_count;  /* fn said so */
    size_t skipped_count; /* fn wasn't called: cancelled, stopped, queue time-out, the pool was closed */
    size_t lost_count;    /* in chunks that were given up while they ran */
    size_t first_failed;  /* lowest index that failed or was lost; count when there is none */

    /* the library's own */
    struct tt_wake *wake;
    struct tt_pool *pool;
    struct tt_map *next_due; /* of its pool's, whose timers run */
    struct tt_map **due_link;
    struct tt_map_slot *slots;
    size_t slot_count;
    struct tt_map_slot *idle;
    size_t next_index;
    size_t inside_count; /* slots not ended */
    size_t held_count;   /* slots not released */
    struct tt_context *context;
    struct tt_timer timer; /* tries a full queue again, or tells what was decided in the start */
    uint32_t state;
    TT_ATOMIC(uint32_t) is_stopping;
};

/**
 * Hands out the first chunks and returns. done comes once, from a dispatch; release once after it, when no worker
 * touches the items any more.
 *
 * Thread:  loop
 * Owns:    keeps *map, the slots, the items and the outcomes until release.
 * Returns: TT_OK, also for a pool that refuses, which done tells of; TT_INVALID, with nothing started, for a map that
 *          isn't idle, without fn, or without slots though there are items.
 */
TT_EXPORT enum tt_status tt_map_start(struct tt_map *map, struct tt_pool *pool, struct tt_map_slot *slots,
                                      size_t slot_count) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Ends it early: no more chunks are handed out, those that wait are taken back, those that run end at their next item
 * or are abandoned. May be called again to abandon those that don't come to their next item.
 *
 * Thread:  loop
 * Returns: TT_OK; TT_TOO_LATE when it is done, or done is due; TT_INVALID for one that is idle.
 */
TT_EXPORT enum tt_status tt_map_cancel(struct tt_map *map, enum tt_stop stop) TT_ON_LOOP TT_MUST_CHECK;

/** Whether the map is to end early: for a function that takes long for one item. Thread: any, the map inside. */
TT_EXPORT int tt_map_is_stopping(const struct tt_map *map);

#ifdef __cplusplus
}
#endif
#endif
