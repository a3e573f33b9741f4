/**
 * Loop: the event loop's thread, its wake and its beacon.
 *
 * One libevent base and one tt_wake. libevent watches descriptors and signals; every timer of the service is a tt_timer on
 * the wake, so one timerfd is all it needs.
 *
 * Normal use:
 * 1. loop = loop_create(&error);
 * 2. add listeners, signals, pools on loop_wake(loop);
 * 3. loop_run(loop) until somebody calls loop_stop;
 * 4. loop_destroy(loop).
 *
 * Thread: the loop's, all of it; others use tt_wake_post, and read the beacon.
 */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "stats.h"
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>

struct event_base;
struct loop;
struct relay;

struct loop *loop_create(struct tt_error *reterr);
void loop_destroy(struct loop *loop) TT_ON_LOOP;

/** Turns until loop_stop. Blocks: until then. */
void loop_run(struct loop *loop) TT_ON_LOOP;

/** Makes loop_run return at the end of this turn. */
void loop_stop(struct loop *loop) TT_ON_LOOP;

/** What is to be done once, at the end of a turn. Embedded in the caller's object; the loop's until fn is called. */
struct loop_task {
    void (*fn)(struct loop_task *task);
    struct loop_task *next;
};

/** Has task->fn called before the loop sleeps, once; fn must not ask for it again. Owns: keeps *task until then. */
void loop_at_turn_end(struct loop *loop, struct loop_task *task) TT_ON_LOOP;

/**
 * The service's loops: the first is `home`, which owns the pools. A loop beside it reaches it by one relay (relay.h), and
 * home answers by the other. number counts from 0, home's.
 */
struct loop_place {
    unsigned number;
    struct relay *to_home; /* NULL at home */
    struct relay *from_home;
};

/** Thread: start-up, before the loop turns. A loop that isn't told is home. */
void loop_set_place(struct loop *loop, const struct loop_place *place);
const struct loop_place *loop_get_place(const struct loop *loop);

struct event_base *loop_base(struct loop *loop);
struct tt_wake *loop_wake(struct loop *loop);
struct loop_beacon *loop_get_beacon(struct loop *loop);

/** To be called first in every libevent callback: tells the beacon that the loop is awake, and when that began. */
void loop_entered(struct loop *loop) TT_ON_LOOP;

/** Names what the loop does next, for the beacon; NULL: nothing in particular. Owns: keeps name until the next call. */
void loop_doing(struct loop *loop, const char *name) TT_ON_LOOP;

/** Called for each signal, on the loop. */
typedef void (*loop_signal_fn)(void *context, int signal_number);

/** Has fn called for a signal. Owns: keeps context until loop_destroy. Returns: TT_OK, TT_NOMEM, TT_SYSTEM. */
enum tt_status loop_on_signal(struct loop *loop, int signal_number, loop_signal_fn fn,
                              void *context) TT_ON_LOOP TT_MUST_CHECK;

#endif
