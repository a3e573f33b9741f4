/**
 * Lock and park: the two ways in which threads of this library wait for each other.
 *
 * A lock is held for a few dozen nanoseconds in the path of a job, never over a callback, and no thread holds two. At a
 * pool's end, when a zombie comes back, and when a running job wants something of the loop, a wake may be written under it:
 * the lock then keeps the other side alive.
 * A park is where one thread sleeps until it is woken: a futex word of its own, so that waking picks a thread.
 */
#ifndef POOL_LOCK_H
#define POOL_LOCK_H

#include "fault.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <tothread/thread.h>
#include <unistd.h>

struct TT_CAPABILITY tti_lock {
    pthread_mutex_t mutex;
};

/** Thread: any, before others see the lock. Returns: 0 or an errno. */
static inline int tti_lock_init(struct tti_lock *lock) {
    return TTI_FAULT_NTH(allocation_fails) ? ENOMEM : pthread_mutex_init(&lock->mutex, NULL);
}

static inline void tti_lock_deinit(struct tti_lock *lock) {
    (void)pthread_mutex_destroy(&lock->mutex); /* fails only while held: our own bug, which tsan reports */
}

static inline void tti_lock_enter(struct tti_lock *lock) TT_ACQUIRES(*lock) TT_NO_THREAD_CHECK {
    (void)pthread_mutex_lock(&lock->mutex); /* a default mutex that was initialised can't fail */
}

static inline void tti_lock_leave(struct tti_lock *lock) TT_RELEASES(*lock) TT_NO_THREAD_CHECK {
    (void)pthread_mutex_unlock(&lock->mutex);
}

struct tti_park {
    _Atomic uint32_t signal; /* 1: woken and not yet seen */
};

static inline void tti_park_wake(struct tti_park *park) {
    /* Release pairs with the acquire in tti_park_wait: what the waker wrote before is seen after. */
    if (atomic_exchange_explicit(&park->signal, 1, memory_order_release) == 0)
        (void)syscall(SYS_futex, &park->signal, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/** Sleeps until woken, or for timeout_us at most (UINT64_MAX: no limit). One wake ends one wait. */
static inline void tti_park_wait(struct tti_park *park, uint64_t timeout_us) {
    struct timespec limit = {(time_t)(timeout_us / 1000000u), (long)(timeout_us % 1000000u) * 1000};
    while (atomic_exchange_explicit(&park->signal, 0, memory_order_acquire) == 0) {
        long failed =
            syscall(SYS_futex, &park->signal, FUTEX_WAIT_PRIVATE, 0, timeout_us == UINT64_MAX ? NULL : &limit, NULL, 0);
        if (failed != 0 && timeout_us != UINT64_MAX) {
            /* Timed out or interrupted: a bounded wait may end early. A signal that came meanwhile is taken along. */
            (void)atomic_exchange_explicit(&park->signal, 0, memory_order_acquire);
            return;
        }
    }
}

/**
 * Flags: bits that one thread raises and another waits for. Whoever raises touches them for the last time with that: the
 * other side may free them as soon as it has seen the bits.
 */
struct tti_flags {
    _Atomic uint32_t bits;
};

#define TTI_FLAGS_ASLEEP 0x80000000u /* the waiter's own: nothing is raised, and it sleeps, or is about to */

static inline void tti_flags_raise(struct tti_flags *flags, uint32_t bits) {
    /* Release pairs with the acquire in tti_flags_wait. The kernel takes the address as a name, whatever is there by then. */
    if (atomic_fetch_or_explicit(&flags->bits, bits, memory_order_release) == TTI_FLAGS_ASLEEP)
        (void)syscall(SYS_futex, &flags->bits, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/** The waiter's first half of a wait, for what it wants to do in between. Returns: false: some bit is raised already. */
static inline bool tti_flags_lie_down(struct tti_flags *flags) {
    uint32_t none = 0;
    /* Release: who sees the waiter asleep sees what it did before. */
    return atomic_compare_exchange_strong_explicit(&flags->bits, &none, TTI_FLAGS_ASLEEP, memory_order_release,
                                                   memory_order_relaxed);
}

/** Whether the waiter sleeps, or is about to. Where only the calling thread raises bits that stays so until it does. */
static inline bool tti_flags_is_asleep(const struct tti_flags *flags) {
    return atomic_load_explicit(&flags->bits, memory_order_acquire) == TTI_FLAGS_ASLEEP;
}

/** Sleeps until any bit is raised, takes all of them, and returns them. */
static inline uint32_t tti_flags_wait(struct tti_flags *flags) {
    (void)tti_flags_lie_down(flags);   /* false: the loop below sees that */
    while (tti_flags_is_asleep(flags)) /* whatever woke it: look again */
        (void)syscall(SYS_futex, &flags->bits, FUTEX_WAIT_PRIVATE, TTI_FLAGS_ASLEEP, NULL, NULL, 0);
    return atomic_exchange_explicit(&flags->bits, 0, memory_order_acquire) & ~TTI_FLAGS_ASLEEP;
}

#endif
