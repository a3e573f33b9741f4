/**
 * Job: one run of a blocking function on a worker, embedded in the caller's object.
 *
 * A job is accepted by tt_pool_submit or refused by it. Refused: nothing was taken, done is never
 * called. Accepted: done is called exactly once, later, on the loop, and release exactly once
 * after it, when no worker touches the job any more. For nearly every job these two follow each other
 * at once. They part when a run deadline passes: done says so at the deadline, while the blocking
 * function still holds its worker (a zombie); release comes when it has really returned.
 *
 *     job is     on list                 owner          leaves by
 *     idle       none                    caller         submit
 *     waiting    limiter, batch          loop           a permit, flush, cancel, expire
 *     queued     queue, worker's hand    pool           a worker, cancel, expire
 *     running    worker's hand           that worker    run returns, abandon
 *     finished   completion list         pool           dispatch: done, release
 *     zombie     worker's hand           that worker    run returns; done is due, or has been called
 *
 * Normal use:
 * 1. zero it; set run, done (and release, name, id, time-outs, limiter as wanted);
 * 2. tt_pool_submit(pool, &job);
 * 3. in run, on the worker: block, compute, keep the result in your object;
 * 4. in done, on the loop: look at job->outcome, then use the result, only for TT_DONE and TT_FAILED;
 * 5. in release, on the loop: free your object. Without a release function, done may free it, but not for
 *    TT_ABANDONED: the pool's end gives up what still runs, and the function runs on.
 */
#ifndef TOTHREAD_JOB_H
#define TOTHREAD_JOB_H

#include <stdint.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The pool's own fields in a job that threads share. C++ programs embed jobs but never look at these; they have
   the same size and place there. */
#ifdef __cplusplus
#define TT_ATOMIC(type) type
#else
#include <stdatomic.h>
#define TT_ATOMIC(type) _Atomic(type)
#endif

struct tt_context;
struct tt_job;
struct tt_key;
struct tt_limiter;
struct tt_pool;
struct tt_watch;
struct tti_nest;

/** High before normal before low. A job that has waited for the pool's ageing_us counts as one class higher. */
enum tt_priority { TT_PRIORITY_NORMAL = 0, TT_PRIORITY_HIGH, TT_PRIORITY_LOW };
#define TT_PRIORITY_COUNT 3

/** How an accepted job ended. */
enum tt_outcome {
    TT_NONE = 0,      /* not ended yet */
    TT_DONE,          /* run returned it: success */
    TT_FAILED,        /* run returned it: the function said no */
    TT_CRASHED,       /* run returned it: the child process that ran the function died */
    TT_CANCELLED,     /* taken back before it started: it never ran and never will; or run returned it, asked to end */
    TT_EXPIRED_QUEUE, /* its queue time-out passed before it started: it never ran and never will */
    TT_EXPIRED_RUN,   /* its run time-out passed: the function still runs, its result will be dropped */
    TT_ABANDONED      /* given up by tt_job_abandon or by the pool's end: as TT_EXPIRED_RUN */
};
#define TT_OUTCOME_COUNT 8

/**
 * The blocking function. Runs on a worker thread with no lock held. worker_state is what the pool's
 * start hook made for this worker, or NULL.
 *
 * Thread:  worker (the loop for a pool with 0 workers)
 * Returns: TT_DONE, TT_FAILED or TT_CRASHED; TT_CANCELLED if it was asked to end and did.
 */
typedef enum tt_outcome (*tt_run_fn)(struct tt_job *job, void *worker_state);

/**
 * The end, told to the loop. May submit, cancel, start timers; must not destroy the pool.
 *
 * Thread:  loop, no lock held; never from inside tt_pool_submit or tt_job_cancel.
 */
typedef void (*tt_done_fn)(struct tt_job *job);

/**
 * The job's memory comes back. After done, once.
 *
 * Thread:  loop; a job that outlived its pool is released on the worker that ran it.
 */
typedef void (*tt_release_fn)(struct tt_job *job);

/**
 * Asks a running function to end early, with what the library behind it offers: sqlite3_interrupt, PQcancel. Called at
 * most once a job, when its run time-out or deadline passes, or by tt_job_interrupt, tt_job_abandon or the pool's end.
 * The function can't return to the pool while this is being called, so a connection that the worker uses is still in
 * use by this job. That is done with a lock of this one worker: the only callback of the library that runs under one.
 *
 * It may come before the function has begun, or between two of its queries: what it acts on may not be there yet, and
 * most libraries forget an interrupt where nothing runs. So the function asks tt_job_is_cancelled as well, before each
 * query.
 *
 * Thread:  loop; must not block, nor call anything of the library but tt_job_is_cancelled.
 */
typedef void (*tt_interrupt_fn)(struct tt_job *job);

struct tt_job {
    /* the caller's, set before submit */
    tt_run_fn run;
    tt_done_fn done;            /* may be NULL */
    tt_release_fn release;      /* may be NULL when run_timeout_us and deadline_us are 0 and the job is never abandoned.
                              Without it the deadline of a context bounds the wait, and not the run */
    const char *name;           /* for snapshots; must outlive the pool; may be NULL */
    const char *id;             /* for snapshots; must live until release; may be NULL */
    const char *client;         /* who asked for it, for snapshots; as id */
    struct tt_limiter *limiter; /* a permit of it is held from start to release; may be NULL */
    uint64_t queue_timeout_us;  /* 0: the pool's */
    uint64_t run_timeout_us;    /* 0: none */
    uint64_t deadline_us;       /* absolute, of the monotonic clock: whichever clock runs ends at it; 0: none. A
                                  nearer one of the context counts before it */
    tt_interrupt_fn interrupt;  /* may be NULL */
    struct tt_context *context; /* NULL: the current one at submit. Held until after release */
    struct tt_key *key;         /* see key.h; may be NULL */
    uint32_t cost;              /* of the key's turn, in whatever unit; 0 is 1 */
    enum tt_priority priority;

    /* the pool's answer, valid in done and after */
    enum tt_outcome outcome;
    uint32_t flags;        /* the pool's own */
    uint64_t submitted_us; /* monotonic clock */
    uint64_t queue_us;     /* from submit to start, or to the end of a job that never started */
    uint64_t run_us;       /* from start to end, or to the deadline; 0 if it never started */
    uint64_t cpu_us;       /* processor time charged to it: see struct tt_pool_options.cpu_accounting */

    /* the pool's own */
    struct tt_pool *pool; /* NULL: idle */
    struct tt_job *next;
    struct tt_job *prev;
    struct tt_timer timer;
    struct tt_watch *watches;
    struct tti_nest *nest; /* of the parent that waits for it */
    void *worker;
    uint64_t turn; /* of the loop, in which it was submitted */
    uint32_t slot; /* where it stands with its worker */
    uint32_t deal;
    uint64_t due_us; /* the deadline in force; 0: none */
    TT_ATOMIC(uint64_t) started_us;
    TT_ATOMIC(uint32_t) phase;
    TT_ATOMIC(uint32_t) is_cancelled;
};

/**
 * Takes a job back that has not started. done follows in the next dispatch, with TT_CANCELLED.
 *
 * Thread:  loop
 * Returns: TT_OK; TT_TOO_LATE when it has started or ended; TT_INVALID for a job that wasn't submitted.
 */
TT_EXPORT enum tt_status tt_job_cancel(struct tt_job *job) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Gives a running job up: done follows in the next dispatch with TT_ABANDONED, release when the
 * function has really returned. The worker is a zombie until then and is replaced from the pool's
 * spare budget. A job that has not started is cancelled instead.
 *
 * Thread:  loop
 * Returns: TT_OK; TT_TOO_LATE when it has ended or was given up; TT_INVALID without a release function, or for a job
 *          that wasn't submitted.
 */
TT_EXPORT enum tt_status tt_job_abandon(struct tt_job *job) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Asks a running job to end early: tt_job_is_cancelled says so from now on, and its interrupt hook is called. It goes
 * on until its function returns, and done comes then. A job that has not started is cancelled instead.
 *
 * Thread:  loop
 * Returns: TT_OK: taken back or asked; TT_TOO_LATE when it has ended or was given up; TT_INVALID for a job that wasn't
 *          submitted.
 */
TT_EXPORT enum tt_status tt_job_interrupt(struct tt_job *job) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Whether the job was asked to end, or nobody waits for it any more: a long function looks now and then, and returns
 * early.
 *
 * Thread:  worker, from inside run; the loop, from inside the interrupt hook
 */
TT_EXPORT int tt_job_is_cancelled(const struct tt_job *job);

/**
 * Whether nobody waits for the result any more (the run deadline has passed, or it was abandoned).
 *
 * Thread:  worker, from inside run
 */
TT_EXPORT int tt_job_is_abandoned(const struct tt_job *job);

/**
 * Microseconds left until the run time-out or the deadline, whichever is nearer; 0 once it has passed, UINT64_MAX where
 * there is none.
 *
 * Thread:  worker, from inside run
 */
TT_EXPORT uint64_t tt_job_remaining_us(const struct tt_job *job);

/** The outcome as a word: "done", "failed", "crashed", "cancelled", "expired-queue", ... Thread: any. */
TT_EXPORT const char *tt_outcome_name(enum tt_outcome outcome);

#ifdef __cplusplus
}
#endif
#endif
