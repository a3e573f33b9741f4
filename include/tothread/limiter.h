/**
 * Limiter: at most N jobs of a kind at a time, honestly.
 *
 * A permit is taken when the job goes to the queue and given back when its function has really
 * returned: a job whose caller got its time-out still holds it. limit 1 means that the function is
 * never entered twice. Jobs that find no permit wait in the order of their submits; the queue
 * time-out, the queue limit and cancel work for them as for queued jobs.
 *
 * What it counts is yours to say: embed it in a call, a client, a device, or give one to all jobs of a pool. It may be
 * shared by pools of one wake.
 *
 * A job that is still inside its function when its pool is destroyed never gives its permit back: that matters only to
 * a limiter that several pools share.
 *
 * Thread: everything here is the loop's.
 */
#ifndef TOTHREAD_LIMITER_H
#define TOTHREAD_LIMITER_H

#include <stdbool.h>
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
    uint32_t used_most;    /* at any time */
    bool is_paused;        /* through tt_limiter_pause */
    uint64_t taken_total;  /* permits given so far */
    uint64_t waited_total; /* jobs that found none at once */
    struct tt_job *first;  /* waiting, oldest first */
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

/**
 * Gives no more permits, until resume: those that are out come back, and jobs wait.
 *
 * Thread:  loop
 */
TT_EXPORT void tt_limiter_pause(struct tt_limiter *limiter) TT_ON_LOOP;

/** Ends the pause; waiting jobs go at once. Fine without one. Thread: loop. */
TT_EXPORT void tt_limiter_resume(struct tt_limiter *limiter) TT_ON_LOOP;

struct tt_limiter_stats {
    uint32_t permit_count; /* 0: no limit */
    uint32_t used_count;   /* jobs that hold one: queued, running, or zombies */
    uint32_t used_most;
    uint32_t waiting_count;
    uint64_t oldest_wait_us; /* of the jobs that wait now */
    uint64_t taken_total;
    uint64_t waited_total;
    bool is_paused;
};

/** Copies its numbers. Thread: loop. */
TT_EXPORT void tt_limiter_get_stats(const struct tt_limiter *limiter, struct tt_limiter_stats *ret_stats) TT_ON_LOOP;

#ifdef __cplusplus
}
#endif
#endif
