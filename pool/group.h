/** Group: what gather, wait, scope and map have in common. */
#ifndef POOL_GROUP_H
#define POOL_GROUP_H

#include "internal.h"

#include <stdbool.h>
#include <tothread/watch.h>

/** Ended against the wish of everybody: a job that somebody took back or gave up has not failed. */
static inline bool tti_group_is_failure(enum tt_outcome outcome) {
    return outcome != TT_DONE && outcome != TT_CANCELLED && outcome != TT_ABANDONED;
}

/** Whether the job is inside a pool, done or not. */
static inline bool tti_group_is_inside(const struct tt_job *job) {
    return job->pool != NULL && tti_job_phase(job, memory_order_relaxed) != TTI_IDLE;
}

/** Returns: whether the job will end earlier for it. Never calls back, but for the job's interrupt hook. */
static inline bool tti_group_stop(struct tt_job *job, enum tt_stop stop) TT_ON_LOOP {
    if (stop == TT_STOP_ABANDON && job->release != NULL)
        return tt_job_abandon(job) == TT_OK;
    return tt_job_interrupt(job) == TT_OK;
}

#endif
