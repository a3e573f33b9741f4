/**
 * Stats: numbers and lists copied out of a pool, for any thread.
 *
 * A snapshot is consistent enough for people and monitoring: each number is exact at some moment of the
 * call. Taking one holds the queue's lock for as long as copying takes (about 0.1 us a job) and never waits
 * for the loop, so it works while the loop or every worker is stuck.
 */
#ifndef TOTHREAD_STATS_H
#define TOTHREAD_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tt_pool;

#define TT_SNAPSHOT_ID_MAX     64
#define TT_SNAPSHOT_CLIENT_MAX 56

/** At rest submitted = done + failed + crashed + cancelled + expired_queue + expired_run + abandoned + refused. */
struct tt_pool_snapshot {
    char name[32];
    uint32_t worker_target;  /* as configured */
    uint32_t thread_count;   /* threads that exist */
    uint32_t idle_count;     /* ready for a job */
    uint32_t busy_count;     /* inside a job that somebody waits for */
    uint32_t zombie_count;   /* inside a job that nobody waits for any more */
    uint32_t starting_count; /* their start hook has not succeeded yet */
    uint32_t spare_limit;
    uint32_t queue_depth; /* jobs that wait, those that wait for a permit included */
    uint32_t queue_limit;
    bool is_closed;
    uint64_t queue_oldest_us; /* age of the oldest job that waits for a worker */
    uint64_t submitted;       /* all calls of tt_pool_submit with a valid job */
    uint64_t refused_full;
    uint64_t refused_closed;
    uint64_t done;
    uint64_t failed;
    uint64_t crashed;
    uint64_t cancelled;
    uint64_t expired_queue;
    uint64_t expired_run;
    uint64_t abandoned;
    uint64_t zombies_ended;  /* zombies whose function returned at last */
    uint64_t start_failures; /* failed start hooks and threads that couldn't be made */
    char start_error[256];   /* of the last one, "" where none */
};

enum tt_job_phase {
    TT_PHASE_QUEUED,  /* waits for a worker */
    TT_PHASE_RUNNING, /* inside its function, and somebody waits for it */
    TT_PHASE_ZOMBIE   /* inside its function, and nobody waits any more */
};

struct tt_job_snapshot {
    char name[64]; /* the job's name, cut if longer; "" where it has none */
    char id[TT_SNAPSHOT_ID_MAX];
    char client[TT_SNAPSHOT_CLIENT_MAX];
    char worker[16]; /* thread name, "" while queued */
    int thread_id;   /* the kernel's, 0 while queued */
    enum tt_job_phase phase;
    uint64_t queue_us; /* time waited */
    uint64_t run_us;   /* time inside the function so far */
};

/**
 * Copies the pool's numbers.
 *
 * Thread:  any, while the pool exists
 */
TT_EXPORT void tt_pool_snapshot(struct tt_pool *pool, struct tt_pool_snapshot *ret_snapshot);

/**
 * Copies what is inside the pool now: running jobs and zombies first, then those that wait for a worker, a class of
 * priority after the other, in each a key after the other, of each the oldest first. Jobs that only the loop knows
 * (submitted in this turn, waiting for a permit, finished) aren't among them. A worker that runs a child of its own job
 * (nest.h) stands there with both.
 *
 * Thread:  any, while the pool exists
 * Returns: how many were written, at most capacity.
 */
TT_EXPORT size_t tt_pool_jobs(struct tt_pool *pool, struct tt_job_snapshot *ret_jobs, size_t capacity);

/** The phase as a word: "queued", "running", "zombie". Thread: any. */
TT_EXPORT const char *tt_job_phase_name(enum tt_job_phase phase);

#ifdef __cplusplus
}
#endif
#endif
