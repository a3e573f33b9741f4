/**
 * Watch: says in the log when a pool has lost its last worker to zombies, and when it has one again.
 *
 * Whoever makes or frees a zombie, or changes the pool's size, asks it to look. It looks in the next dispatch, when the pool has
 * started the spares that it may, and tells what has changed, at most once a second: what stands last in the log is true.
 *
 * Normal use:
 * 1. watch_init(&watch, wake, pool, name);
 * 2. watch_look(&watch) after each change;
 * 3. watch_stop(&watch).
 *
 * Thread: the loop's, all of it.
 */
#ifndef SERVER_WATCH_H
#define SERVER_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <tothread/pool.h>
#include <tothread/wake.h>

struct watch {
    struct tt_timer timer;
    struct tt_wake *wake;
    struct tt_pool *pool;
    const char *name;
    uint64_t told_us; /* when it spoke last; 0: never */
    bool is_stuck;    /* as told */
};

/** Owns: keeps wake, pool and name until watch_stop. */
void watch_init(struct watch *watch, struct tt_wake *wake, struct tt_pool *pool, const char *name) TT_ON_LOOP;

/** Has it look in the next dispatch, or a second after it spoke last. */
void watch_look(struct watch *watch) TT_ON_LOOP;

/** From here on nothing is looked at. Zeroed memory is fine. */
void watch_stop(struct watch *watch) TT_ON_LOOP;

#endif
