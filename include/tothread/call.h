/**
 * Call: a worker has a function run on the loop, and waits for its end.
 *
 * For what only the loop may do: look into its tables, submit another job, start a timer. The worker is blocked
 * meanwhile and keeps its place in the pool, so waiting for a job of the same pool does not belong here: with all
 * workers waiting nobody would be left to run it. That is what nest.h is for.
 *
 * Normal use:
 * 1. in run, on the worker: struct lookup lookup = {.key = "7f3a"};
 * 2. status = tt_job_call(job, look_up, &lookup, tt_job_remaining_us(job));
 * 3. TT_OK: look_up has run on the loop, and what it left in lookup can be read. Anything else: it never ran and never
 *    will, and lookup is yours again.
 */
#ifndef TOTHREAD_CALL_H
#define TOTHREAD_CALL_H

#include <stdint.h>
#include <tothread/job.h>
#include <tothread/status.h>
#include <tothread/thread.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The function that the worker wants run. Results go into what argument points to. The context of the job is current.
 *
 * Thread: loop, inside a dispatch, no lock held; must not block. May submit, cancel, interrupt (this job as well); must
 *         not destroy the pool.
 */
typedef void (*tt_call_fn)(void *argument);

/**
 * Has fn(argument) run on the loop, in the next dispatch, and waits until it has ended. Calls of one job come in order.
 *
 * Whether it starts or is taken back is one decision: after TT_TIMED_OUT and TT_CLOSED it never runs. Once it has
 * started it is waited for, whatever the time-out. It ends early with TT_CLOSED when the job is asked to end or given
 * up (tt_job_is_cancelled tells), which the end of the pool does as well; from then on every call of this job is
 * refused at once. A pool that drains serves calls until its hard end.
 *
 * Thread:  worker, from inside run of this very job
 * Owns:    borrows argument
 * Blocks:  up to timeout_us for the start (UINT64_MAX: no limit; 0: it is never run), then until fn returns.
 * Returns: TT_OK: fn has run; TT_TIMED_OUT; TT_CLOSED; TT_WRONG_THREAD on any other thread, and in a pool with 0
 *          workers, whose jobs run on the loop: it would wait for itself.
 */
TT_EXPORT enum tt_status tt_job_call(struct tt_job *job, tt_call_fn fn, void *argument,
                                     uint64_t timeout_us) TT_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
