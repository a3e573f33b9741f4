/** Clock: the one source of time, monotonic, in microseconds. */
#ifndef POOL_CLOCK_H
#define POOL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t tti_clock_read_us(clockid_t clock) {
    struct timespec now;
    (void)clock_gettime(clock, &now); /* can't fail: both clocks exist on Linux */
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

#ifdef TT_TESTING
/** What the test kit makes of the time: testing.c. */
uint64_t tti_clock_bent_us(uint64_t real_us);
#define TTI_CLOCK_BENT_US(real_us) tti_clock_bent_us(real_us)
#else
#define TTI_CLOCK_BENT_US(real_us) (real_us)
#endif

static inline uint64_t tti_clock_now_us(void) {
    return TTI_CLOCK_BENT_US(tti_clock_read_us(CLOCK_MONOTONIC));
}

/** CPU time of the calling thread. A system call, 0.2 us; CLOCK_MONOTONIC is none. */
static inline uint64_t tti_clock_thread_cpu_us(void) {
    return tti_clock_read_us(CLOCK_THREAD_CPUTIME_ID);
}

/** A moment after a time; "for ever" stays far beyond any uptime instead of wrapping into the past. */
static inline uint64_t tti_clock_add_us(uint64_t moment_us, uint64_t time_us) {
    return moment_us + (time_us < UINT64_MAX / 4 ? time_us : UINT64_MAX / 4);
}

#endif
