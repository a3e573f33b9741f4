/**
 * Offload: one run of a call, from arguments to outcome, whether on a worker or on the loop.
 *
 * A call in a pool runs by way of home, the loop that owns the pools: on another loop an offload goes there and comes back
 * (remote.h), and a refusal comes by done as well. A call without a pool runs on the loop that was asked.
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
#include "remote.h"
#include <tothread/job.h>

struct offload;

/**
 * How it ended is in job.outcome; with a status other than TT_OK it was refused after all, by a pool of another loop. A call
 * without a pool may be done inside offload_start.
 */
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
    enum tt_status status;
    struct remote remote;
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
 * Whether a call that is asked for on this loop has to go to another, its pool's. Then its bytes have no passage (passage.h), for
 * that is the pool's loop's: an answer in pieces is collected, and a body is read whole before.
 */
bool offload_goes_home(const struct call *call, const struct loop *loop) TT_ON_LOOP;

/**
 * Nobody wants the answer any more: takes it back if it has not started.
 *
 * Returns: TT_OK, then done follows with TT_CANCELLED; TT_TOO_LATE: it goes on, and done follows as ever. Where the pool is
 *          another loop's that is not known yet, and TT_TOO_LATE: offload_is_taken_back tells when done is called.
 */
enum tt_status offload_cancel(struct offload *offload) TT_ON_LOOP TT_MUST_CHECK;

/** In done: whether it ended because of an offload_cancel that had returned TT_TOO_LATE. */
bool offload_is_taken_back(const struct offload *offload) TT_ON_LOOP;

/** Seconds for a Retry-After header, at least 1, for one that was refused or expired in the queue. */
unsigned offload_retry_after_s(const struct offload *offload) TT_ON_LOOP;

/* For remote.c alone, on the loop that owns the call's pool: as offload_start, and what Retry-After would say now. */
enum tt_status offload_submit(struct offload *offload, uint64_t deadline_us) TT_ON_LOOP TT_MUST_CHECK;
unsigned offload_wait_s(const struct call *call) TT_ON_LOOP;

#endif
