/**
 * Sides: the loops beside the first one, home; each is a thread with an event loop and an HTTP front of its own.
 *
 * Home owns the pools, the limits, the listeners, signals, timers of the service, and talks to the admin plane; its own front
 * serves clients as well. A side owns its connections and runs the calls without a pool that its clients ask for. The two
 * meet in two relays and nowhere else. What a side needs of the service (registry, routes) is fixed by then, but for what
 * says otherwise.
 *
 * The end: home drains all fronts; a side reports once it is idle, by the relay, so behind every call that it has sent home.
 * At the hard end home ends what is in the pools, and the answers go to the sides before the word to stop.
 *
 * Thread: home's, all of it.
 */
#ifndef SERVER_SIDES_H
#define SERVER_SIDES_H

#include "admin/admin.h"
#include "config/config.h"
#include "http/front.h"
#include "http/routes.h"
#include "loop.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/status.h>

struct sides;

/**
 * Starts loops beside home, side_count of them, which is at least 1, and has home's front share its new connections with theirs.
 *
 * Owns:    keeps front and what it has; config is borrowed. Yours until sides_destroy.
 * Blocks:  until each has made its loop.
 * Returns: NULL with *reterr filled: no memory, no thread, no descriptors.
 */
struct sides *sides_start(struct front *front, size_t side_count, const struct config_server *config,
                          struct tt_error *reterr) TT_ON_LOOP;

/* Of all of the following NULL is fine: there is no side. */

/**
 * Has them take over the limits and certificates of the next configuration, as front_set_limits and front_set_tls, a moment
 * later; tls NULL: these stay.
 *
 * Owns: takes *old, which is destroyed when none of them looks at it any more (at once if there is none; NULL is fine); next
 *       must live until it is old.
 */
void sides_take_over(struct sides *sides, const struct config *next, struct ssl_ctx_st *tls,
                     struct config *old) TT_ON_LOOP;

/** As front_drain, after home's. */
void sides_drain(struct sides *sides) TT_ON_LOOP;

/** Whether every side has reported that its answers are out. */
bool sides_are_idle(const struct sides *sides) TT_ON_LOOP;

/** Whether none of them has been in one turn for longer than that. */
bool sides_are_turning(const struct sides *sides, uint64_t limit_us) TT_ON_LOOP;

/** Connections that are open. */
uint64_t sides_count_connections(const struct sides *sides) TT_ON_LOOP;

/** What the admin plane shows of them. Owns: lends the array until sides_destroy. */
const struct admin_loop *sides_show(const struct sides *sides, size_t *ret_count) TT_ON_LOOP;

/**
 * Has them take what home has sent, then stop and close their connections. From here on nothing of theirs reaches home, and
 * what sides_show has shown is gone: the admin plane must have ended.
 *
 * Blocks:  until their threads have ended; 2 s for those that are stuck.
 * Returns: how many connections had an answer to come still.
 */
uint64_t sides_stop(struct sides *sides) TT_ON_LOOP;

/** Once they have stopped: whether nothing of theirs is in use any more, as front_destroy says. */
bool sides_are_clean(const struct sides *sides) TT_ON_LOOP;

/** Frees them; only when they have stopped and are clean, and after the pools, whose jobs may have come from them. */
void sides_destroy(struct sides *sides) TT_ON_LOOP;

#endif
