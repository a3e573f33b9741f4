/*
 * Nest: see nest.h. The worker sends its children to the loop, which submits them as any others; then it runs those itself that
 * nobody has begun, one after the other, and sleeps until the loop says that the last one has ended.
 *
 * A child that runs on its parent's thread has a worker record of its own, a lodger: so deadlines, give-up and snapshots
 * find it as they find any other. It is no thread: it counts neither as one nor, given up, as a zombie of the pool's.
 */
#include "request.h"

#include <assert.h>
#include <tothread/nest.h>

#define LOOK 1u /* another child can be taken: it has got its permit */
#define OVER 2u /* all have ended: the loop doesn't touch the nest any more */

#define NEST_OF(post_)  ((struct tti_nest *)((char *)(post_)-offsetof(struct tti_nest, post)))
#define ITEM_OF(watch_) ((struct tt_nest_item *)((char *)(watch_)-offsetof(struct tt_nest_item, watch)))

/* -- on the loop -- */

static struct tt_job *parent_of(const struct tt_job *job) {
    return job->nest != NULL ? job->nest->parent : NULL;
}

/** An ancestor on another pool's worker may itself be what the children would wait for. */
static bool comes_back(const struct tti_nest *nest) TT_ON_LOOP {
    if (nest->parent->pool == nest->pool)
        return false; /* its worker runs them itself */
    for (const struct tt_job *job = parent_of(nest->parent); job != NULL; job = parent_of(job))
        if (job->pool == nest->pool)
            return true;
    return false;
}

static bool holds_permit(const struct tt_job *job, const struct tt_limiter *limiter) TT_ON_LOOP {
    for (; job != NULL; job = parent_of(job))
        if (job->limiter == limiter && (job->flags & TTI_HAS_PERMIT) != 0 && limiter->permit_count != 0)
            return true;
    return false;
}

static bool is_circle(const struct tti_nest *nest) TT_ON_LOOP {
    if (comes_back(nest))
        return true;
    for (size_t i = 0; i < nest->count; i++) {
        const struct tt_limiter *limiter = nest->items[i].job->limiter;
        if (limiter != NULL && holds_permit(nest->parent, limiter))
            return true;
    }
    return false;
}

static void begin(struct tti_nest *nest) TT_ON_LOOP {
    struct tt_wake *wake = nest->pool->wake;
    nest->pending_count = 1; /* on_start itself */
    nest->next = wake->nests;
    if (nest->next != NULL)
        nest->next->prev = nest;
    wake->nests = nest;
}

/** One more has ended. Nothing may touch the nest afterwards, unless the caller knows of another one. */
static void end_one(struct tti_nest *nest) TT_ON_LOOP {
    if (--nest->pending_count != 0)
        return;
    if (nest->prev != NULL)
        nest->prev->next = nest->next;
    else
        nest->pool->wake->nests = nest->next;
    if (nest->next != NULL)
        nest->next->prev = nest->prev;
    tti_flags_raise(&nest->flags, OVER);
}

static void on_child_done(struct tt_watch *watch) {
    tt_assume_loop();
    struct tt_nest_item *item = ITEM_OF(watch);
    struct tti_nest *nest = item->nest;
    item->outcome = watch->outcome;
    tt_watch_stop(watch);   /* its release doesn't concern the parent */
    item->job->nest = NULL; /* nor may a child that is still running find the nest, which may be gone */
    end_one(nest);
}

static void submit_item(struct tti_nest *nest, struct tt_nest_item *item) TT_ON_LOOP {
    item->outcome = TT_NONE;
    item->nest = nest;
    item->watch = (struct tt_watch){.on_done = on_child_done};
    item->status = nest->status != TT_OK ? nest->status : tt_pool_submit(nest->pool, item->job);
    if (item->status != TT_OK)
        return;
    item->job->nest = nest;
    nest->pool->batch_is_plain = false; /* the flush looks at each job then */
    enum tt_status watched = tt_watch_start(&item->watch, item->job);
    assert(watched == TT_OK); /* it was submitted just now */
    (void)watched;
    nest->pending_count++;
}

static void on_start(struct tt_post *post) {
    tt_assume_loop();
    struct tti_nest *nest = NEST_OF(post);
    begin(nest);
    if (tt_job_is_cancelled(nest->parent))
        nest->status = TT_CLOSED; /* given up, perhaps, while this was on its way */
    else
        nest->status = is_circle(nest) ? TT_DEADLOCK : TT_OK;
    struct tt_context *before = tti_request_enter(nest->parent); /* the children take it along */
    for (size_t i = 0; i < nest->count; i++)
        submit_item(nest, &nest->items[i]);
    tti_context_current = before;
    tt_wake_flush(nest->pool->wake); /* the worker looks into the queue, never into the batch */
    tti_nest_look(nest);
    end_one(nest);
}

void tti_nest_look(struct tti_nest *nest) {
    nest->is_asleep = false;
    tti_flags_raise(&nest->flags, LOOK);
}

/* -- on the worker -- */

static bool take(struct tti_nest *nest, struct tt_job *job) TT_REQUIRES(nest->pool->lock) {
    switch (tti_job_phase(job, memory_order_relaxed)) {
    case TTI_QUEUED:
        tti_lane_remove(&nest->pool->queue, job);
        return true;
    case TTI_DEALT:
        return tti_hand_take_back(&((struct tti_worker *)job->worker)->hand, job);
    default:
        return false; /* it waits for a permit or a flush, or is over */
    }
}

static bool is_over(const struct tt_nest_item *item) {
    enum tti_phase phase = tti_job_phase(item->job, memory_order_relaxed);
    return item->status != TT_OK || phase == TTI_FINISHED || phase == TTI_IDLE;
}

/** A child that nobody has begun yet, out of the queue or out of a hand. */
static struct tt_job *take_child(struct tti_nest *nest) TT_REQUIRES(nest->pool->lock) {
    while (nest->first < nest->count && is_over(&nest->items[nest->first]))
        nest->first++;
    for (size_t i = nest->first; i < nest->count; i++)
        if (!is_over(&nest->items[i]) && take(nest, nest->items[i].job))
            return nest->items[i].job;
    return NULL;
}

/** Runs one of the children here. Returns: false: there is none to be run. */
static bool help(struct tti_nest *nest, struct tti_worker *lodger) {
    tti_lock_enter(&nest->pool->lock);
    struct tt_job *job = take_child(nest);
    if (job != NULL)
        tti_queue_deal_alone(nest->pool, lodger, job, tti_tick_now_us(&lodger->tick));
    tti_lock_leave(&nest->pool->lock);
    if (job == NULL)
        return false;
    struct tti_worker *host = tti_worker_current;
    tti_worker_current = lodger;
    (void)tti_worker_run(lodger, job); /* the hand holds this one only */
    tti_worker_current = host;
    return true;
}

static void help_until_over(struct tti_nest *nest, struct tti_worker *lodger) {
    while ((tti_flags_wait(&nest->flags) & OVER) == 0) {
        while (lodger != NULL && help(nest, lodger)) {
            /* the next one */
        }
        if (tti_flags_lie_down(&nest->flags))
            tti_circle_sleeps(nest->parent->pool);
    }
}

enum tt_status tt_nest_run(struct tt_job *job, struct tt_pool *pool, struct tt_nest_item *items, size_t count) {
    struct tti_worker *worker = tti_request_worker(job);
    struct tti_worker *lodger = NULL;
    struct tti_nest nest = {.post = {.fn = on_start}, .parent = job, .pool = pool, .items = items, .count = count};
    if (worker == NULL)
        return TT_WRONG_THREAD;
    if (count == 0 || pool->options.worker_count == 0 || pool->wake != worker->pool->wake)
        return TT_INVALID;
    nest.host = worker->host;
    if (worker->pool == pool && (lodger = tti_worker_lodge(worker)) == NULL)
        return TT_NOMEM;
    if (tti_request_start(job, &nest.post))
        help_until_over(&nest, lodger);
    else
        nest.status = TT_CLOSED;
    if (lodger != NULL)
        tti_worker_leave(worker);
    return nest.status;
}
