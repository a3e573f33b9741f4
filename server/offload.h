/**
 * Offload: one run of a call, from arguments to outcome, whether on a worker or on the loop.
 *
 * An offload is embedded in whoever wants the answer (a request, an item of a gather). It holds the job, and what the worker
 * writes; its owner stays alive until release. It keeps the books of the call: submitted = done + failed + crashed +
 * cancelled + expired + refused.
 *
 * Normal use:
 * 1. offload_init(&o, loop, call, ...), then set o.run.run.args, body, id;
 * 2. offload_start(&o): refused, or accepted;
 * 3. done tells the outcome; o.run.answer may be read only for TT_DONE and TT_FAILED;
 * 4. release: no worker touches *o any more; offload_deinit(&o) frees what it holds.
 *
 * Thread: the loop's, all of it.
 */
#ifndef SERVER_OFFLOAD_H
#define SERVER_OFFLOAD_H

#include "calls/registry.h"
#include "loop.h"
#include <tothread/job.h>

struct offload;

/** How it ended is in job.outcome. A call without a pool may be done inside offload_start. */
typedef void (*offload_done_fn)(struct offload *offload);
/** After done, once. */
typedef void (*offload_release_fn)(struct offload *offload);

struct offload {
    struct tt_job job;
    struct call_run run;
    struct tt_timer later; /* of finish_later */
    struct loop *loop;
    offload_done_fn done;
    offload_release_fn release;
    void *owner; /* the caller's */
};

void offload_init(struct offload *offload, struct loop *loop, struct call *call, size_t answer_limit_bytes) TT_ON_LOOP;
void offload_deinit(struct offload *offload) TT_ON_LOOP;

/**
 * Starts it. deadline_us is absolute (0: none), the client's; it can only shorten the call's own time-outs.
 *
 * Returns: TT_OK, then done and release follow; TT_FULL or TT_CLOSED, then neither does.
 */
enum tt_status offload_start(struct offload *offload, uint64_t deadline_us) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Nobody wants the answer any more: takes it back if it has not started.
 *
 * Returns: TT_OK, then done follows with TT_CANCELLED; TT_TOO_LATE: it goes on, and done follows as ever.
 */
enum tt_status offload_cancel(struct offload *offload) TT_ON_LOOP TT_MUST_CHECK;

/** Seconds for a Retry-After header, at least 1. */
unsigned offload_retry_after_s(const struct call *call) TT_ON_LOOP;

#endif
