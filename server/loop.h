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

struct loop *loop_create(struct tt_error *reterr);
void loop_destroy(struct loop *loop) TT_ON_LOOP;

/** Turns until loop_stop. Blocks: until then. */
void loop_run(struct loop *loop) TT_ON_LOOP;

/** Makes loop_run return at the end of this turn. */
void loop_stop(struct loop *loop) TT_ON_LOOP;

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
