/* Wheel: see wheel.h. */
#include "wheel.h"

#include <stdbool.h>
#include <stddef.h>

#define GROUP_BITS 6
#define SLOT_MASK  (TTI_WHEEL_SLOTS - 1)

static void ring_init(struct tt_timer *head) {
    head->next = head;
    head->prev = head;
}

static bool ring_is_empty(const struct tt_timer *head) {
    return head->next == head;
}

static void ring_append(struct tt_timer *head, struct tt_timer *timer) {
    timer->prev = head->prev;
    timer->next = head;
    head->prev->next = timer;
    head->prev = timer;
}

void tti_wheel_init(struct tti_wheel *wheel, uint64_t now_ms) {
    wheel->now_ms = now_ms;
    for (unsigned level = 0; level < TTI_WHEEL_LEVELS; level++) {
        wheel->maybe[level] = 0;
        for (unsigned slot = 0; slot < TTI_WHEEL_SLOTS; slot++)
            ring_init(&wheel->slots[level][slot]);
    }
    ring_init(&wheel->expired);
}

void tti_wheel_add(struct tti_wheel *wheel, struct tt_timer *timer, uint64_t due_ms) {
    timer->due_ms = due_ms;
    if (due_ms <= wheel->now_ms) {
        ring_append(&wheel->expired, timer);
        return;
    }
    unsigned level = (unsigned)(63 - __builtin_clzll(due_ms ^ wheel->now_ms)) / GROUP_BITS;
    unsigned slot;
    if (level < TTI_WHEEL_LEVELS) {
        slot = (unsigned)(due_ms >> (level * GROUP_BITS)) & SLOT_MASK;
    } else {
        /* Too far: the last slot of the top level's turn. It is added anew from there. */
        level = TTI_WHEEL_LEVELS - 1;
        slot = SLOT_MASK;
        if (((wheel->now_ms >> (level * GROUP_BITS)) & SLOT_MASK) == SLOT_MASK)
            slot = 0; /* now stands in that slot: take the first one of the next turn */
    }
    ring_append(&wheel->slots[level][slot], timer);
    wheel->maybe[level] |= UINT64_C(1) << slot;
}

void tti_wheel_remove(struct tt_timer *timer) {
    if (timer->prev == NULL)
        return;
    timer->prev->next = timer->next;
    timer->next->prev = timer->prev;
    timer->next = NULL;
    timer->prev = NULL;
}

/** The slot's bit, cleared when it turns out to be empty. */
static bool slot_has_timers(struct tti_wheel *wheel, unsigned level, unsigned slot) {
    if (!ring_is_empty(&wheel->slots[level][slot]))
        return true;
    wheel->maybe[level] &= ~(UINT64_C(1) << slot);
    return false;
}

/** The first moment after now at which a slot with timers begins; its place in *ret_level and *ret_slot. */
static uint64_t next_slot(struct tti_wheel *wheel, unsigned *ret_level, unsigned *ret_slot) {
    for (unsigned level = 0; level < TTI_WHEEL_LEVELS; level++) {
        unsigned shift = level * GROUP_BITS;
        unsigned here = (unsigned)(wheel->now_ms >> shift) & SLOT_MASK;
        uint64_t turn = wheel->now_ms >> shift >> GROUP_BITS;
        uint64_t ahead = here == SLOT_MASK ? 0 : wheel->maybe[level] & (UINT64_MAX << (here + 1));
        while (ahead != 0) {
            unsigned slot = (unsigned)__builtin_ctzll(ahead);
            ahead &= ahead - 1;
            if (!slot_has_timers(wheel, level, slot))
                continue;
            *ret_level = level;
            *ret_slot = slot;
            return ((turn << GROUP_BITS) | slot) << shift;
        }
        if (level == TTI_WHEEL_LEVELS - 1 && (wheel->maybe[level] & 1) != 0 && slot_has_timers(wheel, level, 0)) {
            *ret_level = level;
            *ret_slot = 0;
            return (turn + 1) << GROUP_BITS << shift;
        }
    }
    return UINT64_MAX;
}

uint64_t tti_wheel_next_ms(struct tti_wheel *wheel) {
    unsigned level;
    unsigned slot;
    if (!ring_is_empty(&wheel->expired))
        return wheel->now_ms;
    return next_slot(wheel, &level, &slot);
}

void tti_wheel_advance(struct tti_wheel *wheel, uint64_t now_ms) {
    unsigned level;
    unsigned slot;
    uint64_t begins;
    while ((begins = next_slot(wheel, &level, &slot)) <= now_ms) {
        wheel->now_ms = begins;
        struct tt_timer *head = &wheel->slots[level][slot];
        wheel->maybe[level] &= ~(UINT64_C(1) << slot);
        /* The ring is emptied first: a timer that is too far goes back to this very slot. */
        struct tt_timer *timer = head->next;
        head->prev->next = NULL;
        ring_init(head);
        while (timer != NULL) {
            struct tt_timer *next = timer->next;
            tti_wheel_add(wheel, timer, timer->due_ms);
            timer = next;
        }
    }
    if (now_ms > wheel->now_ms)
        wheel->now_ms = now_ms;
}

struct tt_timer *tti_wheel_take_expired(struct tti_wheel *wheel) {
    if (ring_is_empty(&wheel->expired))
        return NULL;
    struct tt_timer *timer = wheel->expired.next;
    tti_wheel_remove(timer);
    return timer;
}
