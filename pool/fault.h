/**
 * Fault: switches with which tests make the rare failures happen, and the test kit's other hooks (testing.h). Constants in
 * the product.
 */
#ifndef POOL_FAULT_H
#define POOL_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef TT_TESTING

#include <stdatomic.h>

struct tti_faults {
    _Atomic int thread_starts_fail; /* the next N pthread_create fail with EAGAIN */
    _Atomic int pipe_is_full;       /* the next N writes to the pipe find it full */
    _Atomic int allocation_fails;   /* the Nth allocation, or lock that is made, fails; 0: none */
};
extern struct tti_faults tti_faults;

/** Counts down. Returns: the count before, 0 where nothing is left. */
static inline int tti_fault_take(_Atomic int *left) {
    int n = atomic_load(left);
    while (n > 0)
        if (atomic_compare_exchange_weak(left, &n, n - 1))
            return n;
    return 0;
}

/* The next N times, or the Nth time alone. */
#define TTI_FAULT(name)     (tti_fault_take(&tti_faults.name) != 0)
#define TTI_FAULT_NTH(name) (tti_fault_take(&tti_faults.name) == 1)

struct tt_pool;
struct tt_wake;

/* testing.c */
void tti_test_add_wake(struct tt_wake *wake);
void tti_test_remove_wake(struct tt_wake *wake);
uint32_t tti_test_count_wakes(void);
const struct tt_wake *tti_test_wakes(void); /* newest first */
bool tti_test_may_take(struct tt_pool *pool);
bool tti_test_clock_stands(void);

/* A wake begins and ends. */
#define TTI_TEST_ADD_WAKE(wake)    tti_test_add_wake(wake)
#define TTI_TEST_REMOVE_WAKE(wake) tti_test_remove_wake(wake)
/* Asked under the pool's lock, just before a job is taken from its queue: true uses up a step of a parked pool. */
#define TTI_TEST_MAY_TAKE(pool)  tti_test_may_take(pool)
#define TTI_TEST_IS_PARKED(pool) ((pool)->is_parked)
/* While the clock is frozen no job takes any time, and nothing may wait for a timer that the test doesn't know of. */
#define TTI_TEST_CLOCK_STANDS() tti_test_clock_stands()
/* Fields of struct tt_wake and struct tt_pool. */
#define TTI_TEST_WAKE_FIELDS struct tt_wake *next_wake;
#define TTI_TEST_POOL_FIELDS \
    bool is_parked;          \
    uint32_t step_count; /* locked, both */

#else
#define TTI_FAULT(name)            false
#define TTI_FAULT_NTH(name)        false
#define TTI_TEST_ADD_WAKE(wake)    (void)(wake)
#define TTI_TEST_REMOVE_WAKE(wake) (void)(wake)
#define TTI_TEST_MAY_TAKE(pool)    true
#define TTI_TEST_IS_PARKED(pool)   false
#define TTI_TEST_CLOCK_STANDS()    false
#define TTI_TEST_WAKE_FIELDS
#define TTI_TEST_POOL_FIELDS
#endif

#endif
