/**
 * Fault: switches with which tests make the rare failures happen. Constant false in the product.
 */
#ifndef POOL_FAULT_H
#define POOL_FAULT_H

#include <stdbool.h>

#ifdef TT_TESTING

#include <stdatomic.h>

struct tti_faults {
    _Atomic int thread_starts_fail; /* the next N pthread_create fail with EAGAIN */
    _Atomic int pipe_is_full;       /* the next N writes to the pipe find it full */
};
extern struct tti_faults tti_faults;

static inline bool tti_fault_take(_Atomic int *left) {
    int n = atomic_load(left);
    while (n > 0)
        if (atomic_compare_exchange_weak(left, &n, n - 1))
            return true;
    return false;
}
#define TTI_FAULT(name) tti_fault_take(&tti_faults.name)

#else
#define TTI_FAULT(name) false
#endif

#endif
