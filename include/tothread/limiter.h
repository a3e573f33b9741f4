/**
 * Limiter: at most N jobs of a kind at a time, honestly.
 *
 * A permit is taken when the job goes to the queue and given back when its function has really
 * returned: a job whose caller got its time-out still holds it. limit 1 means that the function is
 * never entered twice. Jobs that find no permit wait in the order of their submits; the queue
 * time-out, the queue limit and cancel work for them as for queued jobs.
 *
 * A job that is still inside its function when its pool is destroyed never gives its permit back: that matters only to a
 * limiter that several pools share.
 *
 * Thread: everything here is the loop's.
 */
#ifndef TOTHREAD_LIMITER_H
#define TOTHREAD_LIMITER_H

#include <stdint.h>
#include <tothread/status.h>
#include <tothread/thread.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tt_job;

/** Embedded in the caller's object, which must outlive every job that names it. Zeroed memory has no limit. */
struct tt_limiter {
    uint32_t permit_count; /* 0: no limit; change it through tt_limiter_resize */
    uint32_t used_count;
    uint32_t waiting_count;
    struct tt_job *first; /* waiting, oldest first */
    struct tt_job *last;
    struct tt_limiter *next; /* of those with waiting jobs */
    struct tt_limiter **link;
};

/**
 * Changes the number of permits. More permits let waiting jobs go at once; fewer take effect as jobs end.
 *
 * Thread:  loop
 */
TT_EXPORT void tt_limiter_resize(struct tt_limiter *limiter, uint32_t permit_count) TT_ON_LOOP;

#ifdef __cplusplus
}
#endif
#endif
