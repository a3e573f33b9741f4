/**
 * Stall: what the loop is inside of, seen from another thread.
 *
 * The loop leaves a note before each function that tt_wake_dispatch calls: which one, for which job. That costs
 * a nanosecond or two a call and is always on, so that a loop that hangs can be asked why while it hangs. Time that a
 * program spends in functions of its own, between dispatch and prepare, isn't seen.
 *
 * The loop doesn't read the clock for each function, so an age is two bounds: it has lasted since somebody first saw
 * it, at least, and since its dispatch began, at most. A looker that comes every N us is wrong by N us at the most, and
 * by what the dispatch did before. What began within the last microsecond may be shown with the name of its neighbour.
 *
 * Normal use:
 * 1. tt_stall_watch_start(wake, 100000, on_stall, NULL, &error) has a thread look on, which sleeps while the loop
 *    sleeps;
 * 2. on_stall writes to the log: kind, job_name, and fn as a symbol (dladdr, addr2line);
 * 3. tt_stall_watch_stop(watch) before tt_wake_destroy.
 * Or ask from a thread of your own: if (tt_wake_stall(wake, &stall)) ...
 */
#ifndef TOTHREAD_STALL_H
#define TOTHREAD_STALL_H

#include <stdbool.h>
#include <stdint.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_STALL_NAME_MAX         64
#define TT_STALL_THRESHOLD_MIN_US 1000u

/** Whose function the loop is inside of. */
enum tt_stall_kind {
    TT_STALL_NONE = 0, /* none */
    TT_STALL_DONE,     /* a job's done */
    TT_STALL_RELEASE,  /* a job's release */
    TT_STALL_WATCH,    /* a watch's on_done or on_release */
    TT_STALL_POST,     /* a post's */
    TT_STALL_TIMER,    /* a timer's; the library has some of its own, which call interrupt hooks */
    TT_STALL_RUN       /* a job's run, in a pool with 0 workers */
};

struct tt_stall {
    enum tt_stall_kind kind;
    bool is_over;                     /* it was reported, and has ended since */
    void (*fn)(void);                 /* the function's address */
    char job_name[TT_STALL_NAME_MAX]; /* cut if longer; "" where there is no job, or it has no name */
    uint64_t at_least_us;             /* since it was first seen, by whoever looked; 0 at the first look */
    uint64_t at_most_us;              /* since its dispatch began */
};

/**
 * Whether the loop is inside of a function that tt_wake_dispatch called, and which.
 *
 * Thread:  any, while the wake exists
 * Returns: false, and *ret_stall all zero, when it is not.
 */
TT_EXPORT bool tt_wake_stall(struct tt_wake *wake, struct tt_stall *ret_stall);

/** The kind as a word: "none", "done", "release", "watch", "post", "timer", "run". Thread: any. */
TT_EXPORT const char *tt_stall_kind_name(enum tt_stall_kind kind);

/**
 * Called once when something has lasted for the threshold at least, and once when it has ended, is_over then being true
 * and the bounds those of the whole.
 *
 * Thread:  the stall watch's own, no lock held. May take its time; must not call functions of the loop.
 */
typedef void (*tt_stall_fn)(const struct tt_stall *stall, void *context);

struct tt_stall_watch;

/**
 * Starts a thread that looks every threshold_us / 2 while the loop is awake, and sleeps without waking up once the loop
 * has been asleep for as long. What lasts for 1.5 times the threshold, and for as long as it takes to get that thread
 * running, is always reported; what lasts less than the threshold never.
 *
 * Thread:  loop
 * Owns:    the watch is yours until tt_stall_watch_stop; keeps wake and context.
 * Returns: the watch, or NULL with *reterr filled: TT_INVALID (no fn, less than TT_STALL_THRESHOLD_MIN_US, a wake that
 *          is watched already), TT_NOMEM, TT_SYSTEM (a thread can't start).
 */
TT_EXPORT struct tt_stall_watch *tt_stall_watch_start(struct tt_wake *wake, uint64_t threshold_us, tt_stall_fn fn,
                                                      void *context, struct tt_error *reterr) TT_ON_LOOP;

/**
 * Ends the thread. A stall that was reported and not ended is told as over before this returns.
 *
 * Thread:  loop
 * Owns:    takes *watch; NULL is fine.
 * Blocks:  for a function of the watch that is being called.
 */
TT_EXPORT void tt_stall_watch_stop(struct tt_stall_watch *watch) TT_ON_LOOP;

#ifdef __cplusplus
}
#endif
#endif
