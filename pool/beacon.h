/**
 * Beacon: the loop's note of what it is inside of, for threads that look on (stall.h).
 *
 * Written before each callback of a dispatch, on a line of memory that nobody else writes to: three plain stores, no clock.
 * A note names the object that the callback is for. Within one dispatch an object comes once a function, so two looks that
 * find the same dispatch, note and function have found the same call. (A job that its own done submits and cancels again comes
 * more often: then a loop that does nothing else is taken for one long call, which is fair.)
 *
 * A counter of calls instead of the object cost a nanosecond and a half more of the 130 that a job takes (bench_pool).
 */
#ifndef POOL_BEACON_H
#define POOL_BEACON_H

#include "lock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <tothread/stall.h>

#define TTI_BEACON_KIND_BITS 3
#define TTI_BEACON_KIND_MASK UINT64_C(7)

typedef void (*tti_any_fn)(void);

/** Which call it is. */
struct tti_call {
    uint64_t turn;
    uint64_t note;
    tti_any_fn fn;
};

struct tti_beacon {
    /* atomic: written by the loop alone */
    _Alignas(64) _Atomic uint64_t note; /* the object's address, and the kind in the lowest bits; 0: none */
    _Atomic(tti_any_fn) fn;
    _Atomic(const char *) job_name; /* release and acquire: the loop may have written the text just before */
    _Atomic uint64_t turn;          /* counts dispatches */
    _Atomic uint64_t turn_us;       /* when this one began */
    _Atomic uint32_t is_parked;     /* 1: the stall watch sleeps until the next dispatch. See stall.c */
    struct tt_stall_watch *watch;   /* onloop */

    /* locked: of those who look */
    _Alignas(64) struct tti_lock lock; /* while job_name's text is read: see tti_beacon_forget_name */
    struct tti_call seen;
    uint64_t seen_us; /* when it was first seen */
};

/** Before one more callback for the same job, which may be gone by now. Thread: loop, inside a dispatch. */
static inline void tti_beacon_enter_next(struct tti_beacon *beacon, enum tt_stall_kind kind, const void *object,
                                         tti_any_fn fn) {
    atomic_store_explicit(&beacon->fn, fn, memory_order_relaxed);
    /* Addresses have some bits to spare at their upper end. */
    atomic_store_explicit(&beacon->note, (uint64_t)(uintptr_t)object << TTI_BEACON_KIND_BITS | (uint64_t)kind,
                          memory_order_release);
}

/** Before a callback. job_name: of the job that it is for, or NULL. Thread: loop, inside a dispatch. */
static inline void tti_beacon_enter(struct tti_beacon *beacon, enum tt_stall_kind kind, const void *object,
                                    tti_any_fn fn, const char *job_name) {
    atomic_store_explicit(&beacon->job_name, job_name, memory_order_release);
    tti_beacon_enter_next(beacon, kind, object, fn);
}

/** Before the first callback of a dispatch. Thread: loop. */
static inline void tti_beacon_begin(struct tti_beacon *beacon, uint64_t now_us) {
    uint64_t turn = atomic_load_explicit(&beacon->turn, memory_order_relaxed);
    atomic_store_explicit(&beacon->turn_us, now_us, memory_order_relaxed);
    atomic_store_explicit(&beacon->turn, turn + 1, memory_order_release);
}

/** After the last one. Thread: loop. */
static inline void tti_beacon_leave(struct tti_beacon *beacon) {
    atomic_store_explicit(&beacon->note, 0, memory_order_release);
}

/** A pool has ended, and the names of its jobs may go: returns when nobody reads one any more. Thread: loop. */
static inline void tti_beacon_forget_name(struct tti_beacon *beacon) {
    atomic_store_explicit(&beacon->job_name, NULL, memory_order_relaxed);
    tti_lock_enter(&beacon->lock); /* who looks later sees NULL, who looks now is waited for */
    tti_lock_leave(&beacon->lock);
}

#endif
