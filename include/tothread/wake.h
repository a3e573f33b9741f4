/**
 * Wake: the one place where an event loop and its pools meet.
 *
 * A wake belongs to the thread that created it, the loop. Any number of pools report to it. It
 * offers the loop one descriptor to watch and one function to call; everything else (the pipe, the
 * list of finished jobs, the timers) stays inside.
 *
 * Normal use with any event loop:
 * 1. wake = tt_wake_create(&error);
 * 2. watch tt_wake_fd(wake) for reading;
 * 3. before the loop sleeps, ask tt_wake_prepare(wake) for how long it may;
 * 4. after it woke, for whatever reason, call tt_wake_dispatch(wake, N);
 * 5. destroy the pools, then tt_wake_destroy(wake).
 *
 * Invariant: a finished job never waits for something else to wake the loop. A worker writes the pipe
 * when it finishes a job and the loop has said, by tt_wake_prepare, that it is about to sleep; one
 * byte for any number of jobs. A loop that doesn't call tt_wake_prepare is always taken to be asleep,
 * which is right too, and costs a byte a dispatch. What such a loop submits outside of a dispatch it hands over with
 * tt_wake_flush.
 */
#ifndef TOTHREAD_WAKE_H
#define TOTHREAD_WAKE_H

#include <stddef.h>
#include <stdint.h>
#include <tothread/status.h>
#include <tothread/thread.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tt_wake;
struct tt_timer;

/**
 * Creates a wake for the calling thread, which becomes its loop.
 *
 * Thread:  the loop's
 * Owns:    the wake is yours until tt_wake_destroy.
 * Returns: the wake, or NULL with *reterr filled (TT_NOMEM, TT_SYSTEM when no pipe could be made).
 */
TT_EXPORT struct tt_wake *tt_wake_create(struct tt_error *reterr);

/**
 * Ends the default pool (to_thread.h), closes the pipe and frees the wake. Other pools must have been destroyed, timers
 * and the stall watch stopped. Posts that wait are dropped, their functions not called.
 *
 * Thread:  loop, not from inside anything that a dispatch calls
 * Owns:    takes *wake; NULL is fine.
 */
TT_EXPORT void tt_wake_destroy(struct tt_wake *wake) TT_ON_LOOP;

/**
 * The descriptor to watch for reading (level-triggered or edge-triggered). It is the wake's: never
 * read it, never close it.
 *
 * Thread:  any
 */
TT_EXPORT int tt_wake_fd(const struct tt_wake *wake);

/**
 * Says that the loop is about to sleep, and returns for how long it may: hands over what was
 * submitted since the last turn, and arms the pipe.
 *
 * Thread:  loop
 * Returns: microseconds until the next timer or deadline; 0 when work is waiting already (poll, don't
 *          sleep); -1 when there is nothing to wait for but the descriptor.
 */
TT_EXPORT int64_t tt_wake_prepare(struct tt_wake *wake) TT_ON_LOOP;

/**
 * Runs what is due: done and release functions of finished jobs, posts, expired timers. At most
 * max_count finished jobs a call, the rest is left for the next turn and makes tt_wake_prepare return 0.
 * What the functions submit is handed to the workers before this returns.
 *
 * Thread:  loop; not from inside a function that it calls.
 * Returns: how many jobs, posts and timers it ran.
 */
TT_EXPORT size_t tt_wake_dispatch(struct tt_wake *wake, size_t max_count) TT_ON_LOOP;

/**
 * Hands over at once what was submitted in this turn. tt_wake_prepare and tt_wake_dispatch do it as
 * well: only a loop that works on for long before it sleeps wants this.
 *
 * Thread:  loop
 */
TT_EXPORT void tt_wake_flush(struct tt_wake *wake) TT_ON_LOOP;

/**
 * The monotonic clock in microseconds as of the last dispatch or prepare: one reading for all that
 * happens in a turn.
 *
 * Thread:  loop
 */
TT_EXPORT uint64_t tt_wake_now_us(struct tt_wake *wake) TT_ON_LOOP;

/**
 * Forgets that reading: for a function that has held the loop up. Timers and submits of the same turn count from
 * tt_wake_now_us; without this they would be due too early by the time that it took.
 *
 * Thread:  loop
 */
TT_EXPORT void tt_wake_refresh(struct tt_wake *wake) TT_ON_LOOP;

/**
 * The same clock, read anew.
 *
 * Thread:  any
 */
TT_EXPORT uint64_t tt_wake_clock_us(void);

/* -- posts: a function to run on the loop, from any thread -- */

/** Embedded in the caller's object; belongs to the wake from tt_wake_post until fn is called. */
struct tt_post {
    void (*fn)(struct tt_post *post);
    struct tt_post *next;
};

/**
 * Has post->fn called on the loop, once, in the next dispatch. Posts of one thread keep their order. What a job's
 * function posts comes before the job's done, unless that comes early: the job was given up.
 *
 * Thread:  any, also from a signal handler, while the wake exists
 * Owns:    takes *post until fn is called, which may free it.
 */
TT_EXPORT void tt_wake_post(struct tt_wake *wake, struct tt_post *post);

/* -- timers: O(1) to start and stop, one millisecond fine, never early -- */

/** Called on the loop when the timer is due; the timer is stopped by then and may be started again. */
typedef void (*tt_timer_fn)(struct tt_timer *timer);

/** Embedded in the caller's object; all fields are the wake's. Zeroed memory is a stopped timer. */
struct tt_timer {
    struct tt_timer *next;
    struct tt_timer *prev; /* NULL: stopped */
    tt_timer_fn fn;
    uint64_t due_ms; /* of the monotonic clock */
};

/**
 * Starts the timer, or moves it if it runs: fn is called once when at least delay_us have passed since
 * tt_wake_now_us, and at most 2 ms later when the loop is free.
 *
 * Thread:  loop
 * Owns:    keeps *timer until it fires or is stopped.
 */
TT_EXPORT void tt_timer_start(struct tt_wake *wake, struct tt_timer *timer, uint64_t delay_us,
                              tt_timer_fn fn) TT_ON_LOOP;

/**
 * Stops the timer; fine when it doesn't run. fn isn't called any more.
 *
 * Thread:  loop
 */
TT_EXPORT void tt_timer_stop(struct tt_wake *wake, struct tt_timer *timer) TT_ON_LOOP;

#ifdef __cplusplus
}
#endif
#endif
