/**
 * Wheel: timers by the millisecond, O(1) to add and remove, nothing allocated.
 *
 * Four levels of 64 slots. A timer stands on the level of the highest 6-bit group in which its due time
 * differs from now, so it moves down at most three times. A timer further away than 64^4 ms (4.6 hours) waits on the
 * top level and is looked at once more when its slot comes round.
 *
 * Thread: the loop's; no locking.
 */
#ifndef POOL_WHEEL_H
#define POOL_WHEEL_H

#include <stdint.h>
#include <tothread/wake.h>

#define TTI_WHEEL_LEVELS 4
#define TTI_WHEEL_SLOTS  64

struct tti_wheel {
    uint64_t now_ms;
    uint64_t maybe[TTI_WHEEL_LEVELS]; /* bit set: the slot may hold timers; clear: it holds none */
    struct tt_timer slots[TTI_WHEEL_LEVELS][TTI_WHEEL_SLOTS]; /* heads of rings */
    struct tt_timer expired;                                  /* head: due, not yet called */
};

void tti_wheel_init(struct tti_wheel *wheel, uint64_t now_ms);

/** Adds a stopped timer; one that is due already is called in the next advance. */
void tti_wheel_add(struct tti_wheel *wheel, struct tt_timer *timer, uint64_t due_ms);

/** Takes a timer out, from wherever it is. Fine for a stopped one. */
void tti_wheel_remove(struct tt_timer *timer);

/** Moves the time on; timers that are due then come out of tti_wheel_take_expired. */
void tti_wheel_advance(struct tti_wheel *wheel, uint64_t now_ms);

/** A timer that is due, stopped already, or NULL. */
struct tt_timer *tti_wheel_take_expired(struct tti_wheel *wheel);

/** When advance must be called next: a due time, or an earlier moment at which timers move down. UINT64_MAX: never. */
uint64_t tti_wheel_next_ms(struct tti_wheel *wheel);

#endif
