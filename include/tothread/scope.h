/**
 * Scope: a group of jobs that begin and end together, as a task group.
 *
 * Jobs are submitted to it one by one, to any pools of one wake. The first that fails ends the others: those that wait
 * are taken back, those that run are asked, and nobody is let in any more. When the scope is closed and its last child
 * has been released, its done function is called, once: then no thread is inside any of its children. Nothing is
 * allocated.
 *
 *     a scope is     leaves by
 *     open           a failure, tt_scope_cancel, its time-out: it is ending; tt_scope_close: it is closing
 *     closing        as open; or its last child was released: done
 *     ending         closed, and its last child was released: done
 *
 * A child is embedded beside its job. The job is the scope's until child->release, where the memory of both goes back;
 * so job->release must free neither. Don't submit the job anew before that.
 *
 * Normal use:
 * 1. zero the scope, set timeout_us, grace_us, flags as wanted; tt_scope_open(&scope, wake);
 * 2. zero a child, set job (and release); tt_scope_submit(&scope, pool, &child). Children may add siblings in their
 *    done and release functions, after the close too;
 * 3. tt_scope_close(&scope, done);
 * 4. in done: look at scope->outcome, first_failed and the counts; the scope's memory is yours.
 *
 * As asyncio.TaskGroup: the first failure, but not a cancelled child, ends the others and refuses new ones; a scope
 * never ends before its children. Better than there: a group over threads that is cancelled ends while its threads
 * still run, a scope doesn't. Later failures are counted, not collected: each child's done function has told of its
 * own. timeout_us is asyncio.timeout around the group. done runs in the context of tt_scope_close.
 *
 * A pool's end ends its children, with TT_ABANDONED for those that run; those that outlive it are never released on the
 * loop, and a scope of such children never ends: close scopes before pools, or set TT_SCOPE_LEAVE.
 */
#ifndef TOTHREAD_SCOPE_H
#define TOTHREAD_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/job.h>
#include <tothread/pool.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>
#include <tothread/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tt_scope;
struct tt_scope_child;

/** May free the scope. Thread: loop, no lock held. */
typedef void (*tt_scope_fn)(struct tt_scope *scope);

/** May submit to the scope, its own child included, cancel and close it. Thread: loop, no lock held. */
typedef void (*tt_scope_child_fn)(struct tt_scope_child *child);

/** As tt_scope_child_fn, and while the first failed child is there to be asked what went wrong. */
typedef void (*tt_scope_failure_fn)(struct tt_scope *scope, struct tt_scope_child *child);

struct tt_scope_child {
    /* the caller's, set before the submit */
    struct tt_job *job;
    tt_scope_child_fn release; /* no worker touches the job, the library neither child nor job any more. May be NULL */

    /* the answer */
    enum tt_outcome outcome; /* TT_NONE: not ended. From the end of job->done on */

    /* the library's own */
    struct tt_watch watch;
    struct tt_scope *scope;
    struct tt_scope_child *next;
    struct tt_scope_child **link; /* NULL: not in a scope */
};

/* scope->flags */
#define TT_SCOPE_LEAVE \
    1u /* done comes when all children have ended, even if some that were given up still run:
                             held_count says how many. Their child->release comes when they return */

struct tt_scope {
    /* the caller's, set before tt_scope_open */
    tt_scope_failure_fn on_failure; /* the first failure, at once. May be NULL */
    uint32_t flags;
    uint64_t timeout_us; /* from the open on; then it is cancelled. 0: none */
    uint64_t grace_us;   /* from when it began to end early: children that still run then are abandoned. 0: never */

    /* the answer; the counts are in force at any time */
    enum tt_outcome outcome;             /* TT_NONE while all is well, in done TT_DONE; TT_FAILED; TT_CANCELLED by
                                            tt_scope_cancel; TT_EXPIRED_RUN by the time-out: whichever came first */
    struct tt_scope_child *first_failed; /* to compare with: its memory may have gone back; NULL: none */
    enum tt_outcome first_outcome;       /* of that one */
    const char *first_name;              /* of that one's job */
    size_t submitted_count;
    size_t left_count;      /* not ended */
    size_t held_count;      /* not released */
    size_t failed_count;    /* ended, neither TT_DONE nor taken back or given up */
    size_t cancelled_count; /* taken back or given up, by whomever */

    /* the library's own */
    tt_scope_fn done;
    struct tt_wake *wake;
    struct tt_context *context;
    struct tt_scope_child *children;
    struct tt_timer timer; /* the time-out, or the grace time */
    struct tt_timer soon;
    uint32_t state;
};

/**
 * Opens a scope. A scope that was opened must be closed.
 *
 * Thread:  loop
 * Owns:    keeps *scope until done was called, or until tt_scope_close refused.
 */
TT_EXPORT void tt_scope_open(struct tt_scope *scope, struct tt_wake *wake) TT_ON_LOOP;

/**
 * Submits a job as a child of the scope.
 *
 * Thread:  loop
 * Owns:    takes *child and its job on TT_OK and gives both back in child->release; on refusal they stay yours.
 * Returns: TT_OK; TT_TOO_LATE when the scope is ending: the job was not submitted; TT_CLOSED when it is closed and has
 *          no child any more; TT_INVALID for a child that is in a scope, has no job, or a scope that isn't open; or the
 *          pool's refusal, which doesn't fail the scope.
 */
TT_EXPORT enum tt_status tt_scope_submit(struct tt_scope *scope, struct tt_pool *pool,
                                         struct tt_scope_child *child) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Ends it early: takes back children that have not started, asks or abandons those that run. Call it again with
 * TT_STOP_ABANDON for those that don't react, or let grace_us do that. It still has to be closed.
 *
 * Thread:  loop
 * Returns: TT_OK; TT_TOO_LATE when it is closed and has no child any more; TT_INVALID for one that isn't open.
 */
TT_EXPORT enum tt_status tt_scope_cancel(struct tt_scope *scope, enum tt_stop stop) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Closes the scope: done is called once, from a dispatch, after every child was released.
 *
 * Thread:  loop
 * Owns:    gives *scope back in done.
 * Returns: TT_OK; TT_INVALID for one that isn't open or was closed before.
 */
TT_EXPORT enum tt_status tt_scope_close(struct tt_scope *scope, tt_scope_fn done) TT_ON_LOOP TT_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
