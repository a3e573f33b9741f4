/**
 * Bind, libevent 2.1: a wake watched by an event_base.
 *
 * Normal use, on the thread that runs the base and created the wake:
 * 1. tt_bind_libevent_open(&bind, base, wake);
 * 2. tt_bind_libevent_run(&bind) where event_base_dispatch(base) was;
 * 3. tt_bind_libevent_close(&bind), then tt_wake_destroy(wake).
 *
 * libevent 2.1 calls nobody before it sleeps, so tt_bind_libevent_run does: it prepares the wake, and lets libevent make one
 * turn. A program that has to keep its event_base_dispatch can: the binding prepares the wake after all that it
 * dispatches, which leaves what your own callbacks do. After they have submitted, cancelled, abandoned or started a timer they
 * call tt_bind_libevent_update(&bind), once; forgotten, it would wait until something else happens. done, release, posts
 * and tt_timers needn't.
 *
 * libevent goes by a clock that moves every 4 ms, unless the base has EVENT_BASE_FLAG_PRECISE_TIMER: time-outs and tt_timers are
 * that coarse with it. Never early.
 *
 * The header needs libevent_core >= 2.1. The binding's events keep the loop going until it is closed.
 */
#ifndef TOTHREAD_BIND_LIBEVENT_H
#define TOTHREAD_BIND_LIBEVENT_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <tothread/wake.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Finished jobs a turn; the rest follows in the next one. Define another before the include. */
#ifndef TT_BIND_MAX_COUNT
#define TT_BIND_MAX_COUNT 64
#endif

/** Embedded in the caller's object; all fields are the binding's. */
struct tt_bind_libevent {
    struct event_base *base;
    struct tt_wake *wake; /* NULL: closed */
    struct event pipe;
    struct event timer;
    bool is_run; /* tt_bind_libevent_run prepares every turn */
};

/**
 * Prepares the wake for the loop's next sleep.
 *
 * Thread:  loop
 */
static inline void tt_bind_libevent_update(struct tt_bind_libevent *bind) TT_ON_LOOP;

/**
 * Adds the wake to the base.
 *
 * Thread:  loop
 * Owns:    keeps base, wake and *bind until close.
 * Returns: TT_OK; TT_SYSTEM when libevent can't watch the descriptor.
 */
static inline enum tt_status tt_bind_libevent_open(struct tt_bind_libevent *bind, struct event_base *base,
                                                   struct tt_wake *wake) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Takes it out again. What is inside the pools then waits for a dispatch.
 *
 * Thread:  loop, also from inside a done function: *bind must live until that dispatch has returned
 */
static inline void tt_bind_libevent_close(struct tt_bind_libevent *bind) TT_ON_LOOP;

/**
 * Runs the loop, as event_base_dispatch does: until event_base_loopexit or event_base_loopbreak, or until no event is left
 * after a close.
 *
 * Thread:  loop
 * Returns: as event_base_dispatch: 0; 1 when no event is left; -1 for an error.
 */
static inline int tt_bind_libevent_run(struct tt_bind_libevent *bind) TT_ON_LOOP;

static inline void tt_bind_libevent_update(struct tt_bind_libevent *bind) {
    int64_t sleep_us = tt_wake_prepare(bind->wake);
    if (sleep_us < 0) {
        (void)event_del(&bind->timer); /* fine for one that isn't set */
        return;
    }
    struct timeval sleep;
    sleep.tv_sec = (time_t)(sleep_us / 1000000);
    sleep.tv_usec = (suseconds_t)(sleep_us % 1000000);
    if (event_add(&bind->timer, &sleep) != 0)
        event_active(&bind->timer, EV_TIMEOUT, 1); /* no memory for libevent's heap: this needs none, and asks again */
}

static inline void tt_bind_libevent_on_event(evutil_socket_t fd, short what, void *context) {
    struct tt_bind_libevent *bind = (struct tt_bind_libevent *)context;
    tt_assume_loop();
    (void)fd;
    (void)what;
    (void)tt_wake_dispatch(bind->wake, TT_BIND_MAX_COUNT);
    if (bind->wake != NULL && !bind->is_run)
        tt_bind_libevent_update(bind);
}

static inline enum tt_status tt_bind_libevent_open(struct tt_bind_libevent *bind, struct event_base *base,
                                                   struct tt_wake *wake) {
    bind->base = base;
    bind->wake = wake;
    bind->is_run = false;
    if (event_assign(&bind->pipe, base, tt_wake_fd(wake), EV_READ | EV_PERSIST, tt_bind_libevent_on_event, bind) != 0 ||
        event_assign(&bind->timer, base, -1, 0, tt_bind_libevent_on_event, bind) != 0 ||
        event_add(&bind->pipe, NULL) != 0)
        return TT_SYSTEM;
    tt_bind_libevent_update(bind);
    return TT_OK;
}

static inline void tt_bind_libevent_close(struct tt_bind_libevent *bind) {
    (void)event_del(&bind->pipe); /* can't fail for events that were assigned */
    (void)event_del(&bind->timer);
    bind->wake = NULL;
}

static inline int tt_bind_libevent_run(struct tt_bind_libevent *bind) {
    struct event_base *base = bind->base;
    int result;
    bind->is_run = true;
    do {
        if (bind->wake != NULL)
            tt_bind_libevent_update(bind);
        result = event_base_loop(base, EVLOOP_ONCE);
    } while (result == 0 && !event_base_got_exit(base) && !event_base_got_break(base));
    bind->is_run = false;
    if (bind->wake != NULL)
        tt_bind_libevent_update(bind); /* for whoever goes on with a loop of their own */
    return result;
}

#ifdef __cplusplus
}
#endif
#endif
