/**
 * Tick: a clock that is read anew only when it can have moved on.
 *
 * Reading the clock takes 25 ns, as long as all else that a worker does for an empty job. The processor's own counter
 * takes 8: as long as it says that less than a microsecond has passed, which is the clock's own grain, the last reading
 * holds. At 1 GHz, the slowest that such a counter runs, FRESH_COUNTS are 1 us.
 */
#ifndef POOL_TICK_H
#define POOL_TICK_H

#include "clock.h"

struct tti_tick {
    uint64_t fresh_counts; /* 0: no counter that can be relied on */
    uint64_t counter;
    uint64_t now_us;
};

#if defined(__x86_64__) && !defined(TT_TESTING)

#include <cpuid.h>

#define TTI_FRESH_COUNTS       1000u
#define TTI_CPUID_POWER        0x80000007u
#define TTI_CPUID_STEADY_COUNT (1u << 8) /* it neither stops nor changes its pace */

static inline void tti_tick_init(struct tti_tick *tick) {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    bool is_steady = __get_cpuid(TTI_CPUID_POWER, &eax, &ebx, &ecx, &edx) != 0 && (edx & TTI_CPUID_STEADY_COUNT) != 0;
    *tick = (struct tti_tick){.fresh_counts = is_steady ? TTI_FRESH_COUNTS : 0};
}

/** Thread: the one that owns the tick. */
static inline uint64_t tti_tick_now_us(struct tti_tick *tick) {
    uint64_t counter = __builtin_ia32_rdtsc();
    if (counter - tick->counter >= tick->fresh_counts) {
        tick->now_us = tti_clock_now_us();
        tick->counter = counter;
    }
    return tick->now_us;
}

#else /* tests move the clock by hand */

static inline void tti_tick_init(struct tti_tick *tick) {
    *tick = (struct tti_tick){0};
}

static inline uint64_t tti_tick_now_us(struct tti_tick *tick) {
    return tick->now_us = tti_clock_now_us();
}

#endif
#endif
