/**
 * Hand: the jobs that a worker holds, one of them running, and the one word that says how far it is.
 *
 * A worker takes jobs under the pool's lock, one as a rule; several where its last ones were so short that the lock
 * would cost more than they do. Everything that happens to a dealt job afterwards is decided by one atomic operation on
 * the word:
 *
 *     advance     the worker: ends the running job and starts the next one, in one step
 *     take_back   the loop (cancel, expire) or another worker (it would run the job at once): before it started
 *     give_up     the loop: the running job's result will be dropped, the worker is a zombie until it returns
 *
 * The word holds, from bit 0: a mask of the jobs that were taken back, the index of the running one (5 bits), whether
 * that was given up (1 bit), and in the upper half the number of the deal, so that a late take_back never hits a later deal.
 *
 * Nobody waits for a worker that is stuck in one of its jobs: the others take the rest out of its hand before they park,
 * and first of all once the hand is older than TTI_HAND_STALE_US.
 */
#ifndef POOL_HAND_H
#define POOL_HAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <tothread/job.h>
#include <tothread/stats.h>

#define TTI_HAND_MAX      16u
#define TTI_HAND_STALE_US 200u

struct tti_hand {
    _Atomic uint64_t word;
    uint32_t count;                    /* locked: jobs dealt */
    uint32_t next_count;               /* the worker's own: how many the next deal may have */
    uint64_t dealt_us;                 /* locked */
    struct tt_job *jobs[TTI_HAND_MAX]; /* locked, and read by the worker */
    uint64_t submitted[TTI_HAND_MAX];  /* locked: copies for snapshots, which may not follow the pointers */
    const char *names[TTI_HAND_MAX];   /* locked */
    char ids[TTI_HAND_MAX][TT_SNAPSHOT_ID_MAX];
    char clients[TTI_HAND_MAX][TT_SNAPSHOT_CLIENT_MAX];
};

/** The place of the running job, or of the next to be stepped over; count: none is left. */
static inline uint32_t tti_hand_index(uint64_t word) {
    return (uint32_t)(word >> 16) & 31u;
}

/** Adds a job to a deal that is being made. Thread: its worker, under the pool's lock. */
void tti_hand_add(struct tti_hand *hand, struct tt_job *job);

/** Begins a new deal: the hand is empty. Thread: its worker, under the pool's lock. */
void tti_hand_clear(struct tti_hand *hand);

/** Makes the deal known: the first job is running from here on. Thread: its worker, under the pool's lock. */
void tti_hand_play(struct tti_hand *hand, uint64_t now_us);

/**
 * Ends the running job and starts the next one.
 *
 * Thread:  its worker
 * Returns: the next job, NULL when the hand is empty; *ret_given_up: the one that has ended was given up.
 */
struct tt_job *tti_hand_advance(struct tti_hand *hand, bool *ret_given_up);

/** Takes a job out that has not started. Thread: loop, under the pool's lock. Returns: false: it has started, or ended. */
bool tti_hand_take_back(struct tti_hand *hand, const struct tt_job *job);

/**
 * Takes the oldest one out that has not started. Nobody may look at a job in a foreign hand before it is out: its worker
 * may end it meanwhile, and the loop free it.
 *
 * Thread:  any, under the pool's lock
 * Returns: NULL where there is none.
 */
struct tt_job *tti_hand_steal(struct tti_hand *hand);

/** Gives the running job up. Thread: loop, under the pool's lock. Returns: false: it has ended, or isn't running yet. */
bool tti_hand_give_up(struct tti_hand *hand, const struct tt_job *job);

/** The job that is running and was not given up, or NULL. Thread: loop (others may not follow it), under the pool's lock. */
struct tt_job *tti_hand_running(const struct tti_hand *hand);

/** Whether this very job is the running one. Thread: the loop, with the worker kept from going on. */
bool tti_hand_is_running(const struct tti_hand *hand, const struct tt_job *job);

/** The place of the first job from `from` on that has not started; TTI_HAND_MAX: none. Thread: any, under the pool's lock. */
uint32_t tti_hand_waiting(const struct tti_hand *hand, uint32_t from);

/** How many have not started. Thread: any, under the pool's lock. */
uint32_t tti_hand_waiting_count(const struct tti_hand *hand);

#endif
