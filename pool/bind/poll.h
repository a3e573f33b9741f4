/**
 * Bind, poll(2): one turn of a loop that is yours.
 *
 * Normal use:
 * 1. fds has room for one descriptor more than you watch: the wake's goes behind yours;
 * 2. for (;;) { count = tt_bind_poll_turn(wake, fds, n, timeout_ms); look at the revents of the first n; }
 * There is nothing to open and nothing to close.
 *
 * The header needs nothing but the C library and libtothread.
 */
#ifndef TOTHREAD_BIND_POLL_H
#define TOTHREAD_BIND_POLL_H

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <tothread/wake.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Finished jobs a turn; the rest follows in the next one. Define another before the include. */
#ifndef TT_BIND_MAX_COUNT
#define TT_BIND_MAX_COUNT 64
#endif

/**
 * One turn: hands over what was submitted, sleeps until something happens or is due, runs done functions and timers.
 * It is poll(fds, n, timeout_ms) which wakes for the pools as well.
 *
 * Thread:  loop
 * Owns:    borrows fds, n + 1 of them; fds[n] is overwritten. With n = 0, fds may be NULL.
 * Blocks:  up to timeout_ms (-1: no limit), less when a timer or a job is due.
 * Returns: how many of the first n have revents, often 0; -1 with errno as poll does (EINTR: the turn was made all the same).
 */
static inline int tt_bind_poll_turn(struct tt_wake *wake, struct pollfd *fds, nfds_t n, int timeout_ms) TT_ON_LOOP;

static inline int tt_bind_poll_turn(struct tt_wake *wake, struct pollfd *fds, nfds_t n, int timeout_ms) {
    struct pollfd alone;
    struct pollfd *own = n == 0 ? &alone : &fds[n];
    own->fd = tt_wake_fd(wake);
    own->events = POLLIN;
    own->revents = 0;
    int64_t sleep_us = tt_wake_prepare(wake);
    if (sleep_us >= 0 && (timeout_ms < 0 || sleep_us <= (int64_t)timeout_ms * 1000)) {
        int64_t sleep_ms = sleep_us / 1000 + (sleep_us % 1000 != 0); /* upwards: not to wake too early, twice */
        timeout_ms = sleep_ms < INT_MAX ? (int)sleep_ms : INT_MAX;
    }
    int count = poll(n == 0 ? own : fds, n + 1, timeout_ms);
    int reason = errno;
    if (count > 0 && own->revents != 0)
        count--;
    (void)tt_wake_dispatch(wake, TT_BIND_MAX_COUNT);
    errno = reason;
    return count;
}

#ifdef __cplusplus
}
#endif
#endif
