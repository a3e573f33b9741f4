/**
 * Misuse: what happens when a program breaks a rule that the library can see broken.
 *
 * A function that is the loop's finds out whether it runs on the thread that created the wake; the check costs less
 * than a nanosecond and is always on. So does a wake that is destroyed while something still needs it, and what dispatches
 * but is called from inside a dispatch. Unless a program says otherwise, one line on the standard error output names the
 * function and the threads, and the process aborts: what would follow is a race, or a job's end inside that of another
 * one, found later and elsewhere.
 *
 * Not seen: a call on a limiter that no job waits for, on a watch that doesn't watch, on a job that was never
 * submitted. They know of no loop.
 */
#ifndef TOTHREAD_MISUSE_H
#define TOTHREAD_MISUSE_H

#include <tothread/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tt_misuse_kind {
    TT_MISUSE_THREAD = 1,  /* a function of the loop was called on another thread */
    TT_MISUSE_POOLS,       /* tt_wake_destroy before its pools were destroyed */
    TT_MISUSE_TIMERS,      /* tt_wake_destroy while timers run */
    TT_MISUSE_STALL_WATCH, /* tt_wake_destroy before tt_stall_watch_stop */
    TT_MISUSE_INSIDE       /* a dispatch, a drain, the end of a pool or a wake, by a function that a dispatch calls */
};

struct tt_misuse {
    enum tt_misuse_kind kind;
    const char *function; /* that was called: "tt_pool_submit" */
    int thread_id;        /* the kernel's, of the caller */
    int loop_id;          /* of the thread that created the wake */
    const char *text;     /* all of it in one line for people; lives until the handler returns */
};

/**
 * Hears of a misuse. If it returns, the function that was misused does nothing: it returns TT_INVALID, NULL, false, 0,
 * or -1 for tt_wake_prepare; tt_wake_now_us reads the clock. The wake or pool that was to be destroyed stays as it is.
 *
 * Thread:  whichever made the mistake, no lock held; must not call a function of that loop.
 */
typedef void (*tt_misuse_fn)(const struct tt_misuse *misuse);

/**
 * Sets the process's handler; NULL is the one that prints and aborts.
 *
 * Thread:  any
 * Returns: the handler before; NULL where there was none.
 */
TT_EXPORT tt_misuse_fn tt_misuse_set(tt_misuse_fn fn);

#ifdef __cplusplus
}
#endif
#endif
