/*
 * Complete: a finished job on its way back, and its end on the loop. Step 9 of 11.
 * Before: worker (pool/worker.c), which pushes.
 * After:  wake (pool/wake.c), which takes.
 *
 * The list is pushed by any worker and taken whole by the loop, so it needs no lock and knows no ABA: nobody ever takes
 * a single job off it. Nothing is allocated between run and done; a completion can't fail.
 */
#include "internal.h"

#include <tothread/context.h>

void tti_complete_push(struct tt_wake *wake, struct tt_job *job) {
    struct tt_job *newest = atomic_load_explicit(&wake->finished, memory_order_relaxed);
    do
        job->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&wake->finished, &newest, job, memory_order_seq_cst,
                                                  memory_order_relaxed));
    tti_wake_ring(wake);
}

/*
 * The loop's own list, for jobs that end without a worker's word. It is linked by prev: a zombie's worker may push the
 * job by next at any time. It is emptied before the completion list is looked at, so done comes before release.
 */
void tti_complete_give_up(struct tt_job *job, enum tt_outcome outcome) {
    struct tt_wake *wake = job->pool->wake;
    job->outcome = outcome;
    if (tti_job_phase(job, memory_order_relaxed) != TTI_ZOMBIE)
        tti_job_set_phase(job, TTI_FINISHED);
    job->prev = NULL;
    *wake->given_up_end = job;
    wake->given_up_end = &job->prev;
    if (!wake->uses_prepare)
        tti_wake_ring(wake); /* such a loop may be about to sleep, for all we know */
}

/** The caller hears how it ended. Whether the job's memory may be gone afterwards is the caller's knowledge. */
static void tell(struct tt_job *job) TT_ON_LOOP {
    struct tt_pool *pool = job->pool;
    tti_wheel_remove(&job->timer);
    pool->waiting_count--;
    tti_account_end(job, pool->wake->now_us);
    job->flags |= TTI_DONE_CALLED;
}

/** No worker touches the job any more: permit and count go back, the job is idle again. */
static void let_go(struct tt_job *job) TT_ON_LOOP {
    struct tt_pool *pool = job->pool;
    struct tt_limiter *limiter = (job->flags & TTI_HAS_PERMIT) != 0 ? job->limiter : NULL;
    if ((job->flags & TTI_TOOK_CONTEXT) != 0)
        job->context = NULL;
    job->flags = 0;
    tti_job_set_phase(job, TTI_IDLE);
    pool->inside_count--;
    if (job->key != NULL)
        job->key->inside_count--;
    if (limiter != NULL)
        tti_limiter_give(limiter);
}

static void call_done(struct tt_job *job) TT_ON_LOOP {
    tti_context_current = job->context;
    tti_beacon_enter(&job->pool->wake->beacon, TT_STALL_DONE, job, (tti_any_fn)job->done, job->name);
    if (job->done != NULL)
        job->done(job);
}

/** The job's memory goes back. Watches outlive it. */
static void release(struct tt_job *job) TT_ON_LOOP {
    struct tt_wake *wake = job->pool->wake;
    struct tt_context *context = job->context;
    tt_release_fn release_fn = job->release;
    struct tt_watch *watches = NULL;
    if (job->watches != NULL)
        tti_watch_move(&watches, &job->watches);
    let_go(job);
    tti_context_current = context;
    tti_beacon_enter(&wake->beacon, TT_STALL_RELEASE, job, (tti_any_fn)release_fn, job->name);
    if (release_fn != NULL)
        release_fn(job);
    if (watches != NULL)
        tti_watch_tell_released(wake, &watches);
    if (context != NULL)
        tt_context_release(context);
}

/** Without a release function: done may free the job, or submit it again, so all of ours comes first. */
static void end_at_once(struct tt_job *job) TT_ON_LOOP {
    struct tt_wake *wake = job->pool->wake;
    struct tt_context *context = job->context;
    enum tt_outcome outcome = job->outcome;
    struct tt_watch *watches = NULL;
    if (job->watches != NULL)
        tti_watch_move(&watches, &job->watches);
    let_go(job);
    tti_context_current = context;
    tti_beacon_enter(&wake->beacon, TT_STALL_DONE, job, (tti_any_fn)job->done, job->name);
    if (job->done != NULL)
        job->done(job);
    if (watches != NULL) {
        tti_watch_tell_done(wake, &watches, outcome);
        tti_watch_tell_released(wake, &watches);
    }
    if (context != NULL)
        tt_context_release(context);
}

static void end_job(struct tt_job *job) TT_ON_LOOP {
    tell(job);
    if (job->release == NULL) {
        end_at_once(job);
        return;
    }
    call_done(job);
    if (job->watches != NULL)
        tti_watch_tell_done(job->pool->wake, &job->watches, job->outcome);
    release(job);
}

/** A job that was given up while it ran: done now, release when its worker comes back. */
static void end_zombie(struct tt_job *job) TT_ON_LOOP {
    tell(job);
    call_done(job);
    if (job->watches != NULL)
        tti_watch_tell_done(job->pool->wake, &job->watches, job->outcome);
}

static void release_zombie(struct tt_job *job) TT_ON_LOOP {
    tti_count(&job->pool->zombies_ended);
    release(job);
}

static size_t dispatch_given_up(struct tt_wake *wake, size_t max_count) TT_ON_LOOP {
    size_t count = 0;
    while (wake->given_up != NULL && count < max_count) {
        struct tt_job *job = wake->given_up;
        wake->given_up = job->prev;
        if (wake->given_up == NULL)
            wake->given_up_end = &wake->given_up;
        if (tti_job_phase(job, memory_order_relaxed) == TTI_FINISHED)
            end_job(job);
        else
            end_zombie(job);
        count++;
    }
    return count;
}

/** Takes the whole list, oldest first. Linked by next alone: a zombie may stand among those given up by prev. */
void tti_complete_collect(struct tt_wake *wake) {
    if (atomic_load_explicit(&wake->finished, memory_order_relaxed) == NULL)
        return;
    struct tt_job *newest = atomic_exchange_explicit(&wake->finished, NULL, memory_order_acquire);
    struct tt_job **end = wake->pending_end;
    struct tt_job *oldest = NULL;
    wake->pending_end = &newest->next; /* it comes last */
    while (newest != NULL) {
        struct tt_job *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    *end = oldest;
}

static size_t dispatch_finished(struct tt_wake *wake, size_t max_count) TT_ON_LOOP {
    size_t count = 0;
    while (wake->pending != NULL && count < max_count) {
        struct tt_job *job = wake->pending;
        wake->pending = job->next;
        if (wake->pending == NULL)
            wake->pending_end = &wake->pending;
        else
            tti_job_prefetch(wake->pending);
        if ((job->flags & TTI_DONE_CALLED) != 0)
            release_zombie(job);
        else
            end_job(job);
        count++;
    }
    return count;
}

size_t tti_complete_dispatch(struct tt_wake *wake, size_t max_count) {
    struct tt_context *before = tti_context_current;
    size_t count = dispatch_given_up(wake, max_count);
    if (wake->given_up == NULL) /* a zombie's release may stand on the completion list already: its done comes first */
        count += dispatch_finished(wake, max_count - count);
    tti_context_current = before;
    return count;
}
