/**
 * Key: whose job it is (a tenant, a client), so that a pool can serve all keys in turn.
 *
 * Jobs of one key keep their order. Between keys the order is deficit round robin: each time its turn comes, a key may
 * start jobs of a cost of `weight` together. Jobs without a key share one of the pool's own. A key is embedded in the
 * caller's object, belongs to one pool while jobs of it wait there, and bounds how many may be inside.
 *
 * Thread: loop. Set the fields before the first submit, and again only while no job of it is inside; everything else is
 * the pool's.
 */
#ifndef TOTHREAD_KEY_H
#define TOTHREAD_KEY_H

#include <stdint.h>
#include <tothread/job.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Embedded in the caller's object, which must outlive every job that names it. Zeroed memory: weight 1, no limit. */
struct tt_key {
    uint32_t weight;    /* share of the turns; 0 is 1 */
    uint32_t job_limit; /* jobs of it that wait or run: the next one is refused with TT_FULL; 0: none */

    /* the pool's own */
    uint32_t inside_count; /* the loop's */
    struct tt_pool *pool;
    struct {
        struct tt_job *first;
        struct tt_job *last;
        struct tt_key *next; /* in the ring of keys whose turn comes */
        struct tt_key *prev;
        uint64_t deficit;
    } lanes[TT_PRIORITY_COUNT];
};

#ifdef __cplusplus
}
#endif
#endif
