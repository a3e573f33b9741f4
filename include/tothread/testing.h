/**
 * Testing: asynchronous code tested as if it were ordinary code. Only in the testing build of the library (link
 * tothread::testing instead of tothread::pool); works with any test framework, or none.
 *
 * Waiting: tt_test_await_job and tt_test_run_until are a private loop around one wake. They sleep for events, never
 * for a while.
 *
 * Time: a frozen clock stands still until it is told to move. While it is frozen the waiting functions move it
 * themselves, to the next timer, when no job runs and none can start: a test of a 30 s time-out takes no time. A job
 * that is inside its function holds the clock, as it may end at any moment; then the test moves it.
 *
 * Order: a parked pool's workers take a job only when they are let; a pool with 0 workers runs its jobs inside
 * dispatch.
 *
 * Faults: each switch makes one rare failure happen, and turns itself off.
 *
 * Normal use, in a test:
 * 1. struct tt_test_mark mark; tt_test_begin(&mark);
 * 2. wake = tt_wake_create(&error); pool = tt_pool_create(wake, &options, &error); tt_pool_submit(pool, &job);
 * 3. outcome = tt_test_await_job(wake, &job, 5000000);
 * 4. tt_pool_destroy(pool); tt_wake_destroy(wake);
 * 5. if (!tt_test_end(&mark, text, sizeof text)) fail with text: what was left behind.
 */
#ifndef TOTHREAD_TESTING_H
#define TOTHREAD_TESTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/job.h>
#include <tothread/pool.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- waiting -- */

/** Whether what the test waits for has happened. Thread: the loop, between two dispatches. */
typedef bool (*tt_test_predicate_fn)(void *argument);

/**
 * Runs the loop until predicate says true.
 *
 * Thread:  loop, not from inside anything that a dispatch calls
 * Blocks:  up to timeout_us, of the library's clock and of the real one, whichever is over first.
 * Returns: whether it said so; after the time is over one more turn is run, so that a timer due just then has fired.
 */
bool tt_test_run_until(struct tt_wake *wake, tt_test_predicate_fn predicate, void *argument,
                       uint64_t timeout_us) TT_ON_LOOP;

/**
 * Runs the loop until the job's done was called. A job whose done frees it can't be waited for.
 *
 * Thread:  loop, not from inside anything that a dispatch calls
 * Owns:    borrows job; its release may have freed it when this returns.
 * Blocks:  as tt_test_run_until.
 * Returns: its outcome; TT_NONE when the time was over first. For a job that isn't inside a pool its last outcome, at
 *          once.
 */
enum tt_outcome tt_test_await_job(struct tt_wake *wake, struct tt_job *job, uint64_t timeout_us) TT_ON_LOOP;

/* -- the clock: of all wakes and pools in the process; CPU time and waits of threads stay real -- */

/**
 * Stops the library's clock at start_us; 0: where it stands. Timers that run already must not be due before start_us,
 * so a start of one's own goes before tt_wake_create, and its thaw after tt_wake_destroy.
 *
 * Thread:  any
 */
void tt_test_clock_freeze(uint64_t start_us);

/** Moves the frozen clock on, and has loops that sleep look at it. Without effect on a running clock. Thread: any. */
void tt_test_clock_advance(uint64_t time_us);

/** Lets the clock run again as the real one, jumps forgotten. Thread: any. */
void tt_test_clock_thaw(void);

/**
 * A fault: the running clock is from now on time_us ahead of what it was (behind, if negative), as after the machine
 * stood still. Adds up.
 *
 * Thread:  any
 */
void tt_test_clock_jump(int64_t time_us);

/* -- the order in which jobs start -- */

/**
 * From now on the pool's workers take a job only by tt_test_step. Those that run go on. A pool that is destroyed needs
 * no unpark: what is queued then is cancelled as ever.
 *
 * Thread:  loop
 * Returns: TT_OK; TT_INVALID for a pool with 0 workers.
 */
enum tt_status tt_test_park(struct tt_pool *pool) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Lets the next `count` jobs of a parked pool start, now or when they come. Adds up with what was let before.
 *
 * Thread:  loop
 */
void tt_test_step(struct tt_pool *pool, uint32_t count) TT_ON_LOOP;

/** The workers take jobs by themselves again. Thread: loop. */
void tt_test_unpark(struct tt_pool *pool) TT_ON_LOOP;

/* -- faults -- */

/** The next `count` threads can't be started (EAGAIN). 0 turns it off. Thread: any. */
void tt_test_fail_thread_starts(unsigned count);

/** The next `count` bytes for a wake's pipe find it full, and aren't written. 0 turns it off. Thread: any. */
void tt_test_fill_pipe(unsigned count);

/**
 * The nth allocation of the library fails, or the making of a lock, whichever is nth: 1 is the next one. 0 turns it
 * off. A loop from 1 on until the function under test succeeds has seen them all.
 *
 * Thread:  any
 */
void tt_test_fail_allocation(unsigned nth);

/** All faults off, and the clock real. Thread: any. */
void tt_test_reset(void);

/* -- leaks -- */

#define TT_TEST_THREADS_MAX     256
#define TT_TEST_DESCRIPTORS_MAX 1024

/** What there was at the beginning. All fields are the library's. */
struct tt_test_mark {
    uint32_t wake_count;
    uint32_t thread_count;
    uint32_t descriptor_count;
    int threads[TT_TEST_THREADS_MAX];
    int descriptors[TT_TEST_DESCRIPTORS_MAX];
};

/** Remembers the process's wakes, threads and descriptors. Thread: any; none may come or go meanwhile. */
void tt_test_begin(struct tt_test_mark *ret_mark);

/**
 * Looks for what has come since and has not gone: wakes with their pools and the jobs inside, threads, descriptors.
 *
 * Thread:  the loop of all wakes that are left
 * Blocks:  up to 3 s for threads that are ending.
 * Returns: true, and an empty text, when nothing is left; else one line for each thing in text, cut to size bytes.
 */
bool tt_test_end(const struct tt_test_mark *mark, char *ret_text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
