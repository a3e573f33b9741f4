/*
 * Circle: jobs that wait for each other for ever, by way of nests, workers and permits; and how they are let out.
 *
 * A thread that sleeps in a nest wakes when all of its children have ended. A child that hasn't started needs a permit, which
 * whoever holds it must give back, and then a thread of its pool, or its parent's. A thread is stuck when it waits for
 * stuck ones alone. Everything else gets done some day: a thread that is awake, whatever it blocks in, and a paused limiter.
 *
 * Only the loop wakes a thread that sleeps in a nest. So the loop can look at one pool after the other, each under its own
 * lock: what is stuck stays so meanwhile. Whoever is about to sleep has the loop look, and so does what takes a thread or a
 * permit away from those that sleep already.
 *
 * The sleepers are looked at one by one, as if those that were not yet looked at were awake. Before each look nobody is
 * stuck. So if anybody is stuck then, all of them wait for this one, and it waits for itself: it stands in the circle, not
 * only before it. One of its children that hasn't started, or of their children, is taken back, until it isn't stuck.
 *
 * Why not run that child here, or what stands in its way? A job that isn't the parent's own would find the worker's state
 * in the parent's hands, or be without the one of its own pool.
 */
#include "internal.h"

#include <assert.h>

#define WAKE_OF(post_) ((struct tt_wake *)((char *)(post_)-offsetof(struct tt_wake, circle_post)))

/** Whether a thread of the pool will come for a job of that priority. */
static bool has_thread(struct tt_pool *pool, enum tt_priority priority) TT_ON_LOOP {
    tti_lock_enter(&pool->lock);
    bool has_any = pool->thread_count > pool->stuck_count;
    bool has_room = priority == TT_PRIORITY_HIGH || tti_queue_lower_most(pool) > pool->stuck_lower_count;
    tti_lock_leave(&pool->lock);
    return has_any && has_room;
}

/** Whether its parent will run it: from a sleep in this very nest, or once the thread is back there. */
static bool has_parent(const struct tt_job *job) TT_ON_LOOP {
    const struct tti_nest *nest = job->nest;
    return nest != NULL && nest->pool == nest->host->pool && (nest->is_asleep || !nest->host->is_stuck);
}

/** Whether a job that has its permit, if it needs one, will start. */
static bool can_start(const struct tt_job *job) TT_ON_LOOP {
    return has_parent(job) || has_thread(job->pool, job->priority);
}

/* -- permits -- */

static bool is_held_by(const struct tt_limiter *limiter, const struct tt_job *job) TT_ON_LOOP {
    return job->limiter == limiter && (job->flags & TTI_HAS_PERMIT) != 0;
}

/** How many of the permits are out with jobs that wait in the pool, and will never start: a queue for which nobody comes. */
static uint32_t count_held_in(struct tt_pool *pool, const struct tt_limiter *limiter) TT_ON_LOOP {
    bool has_room = has_thread(pool, TT_PRIORITY_LOW);
    bool has_any = has_room || has_thread(pool, TT_PRIORITY_HIGH);
    uint32_t count = 0;
    if (has_room)
        return 0;
    tti_lock_enter(&pool->lock);
    for (const struct tt_job *job = tti_lane_after(&pool->queue, NULL); job != NULL;
         job = tti_lane_after(&pool->queue, job))
        if (is_held_by(limiter, job) && !has_parent(job) && !(has_any && job->priority == TT_PRIORITY_HIGH))
            count++;
    /* The rest of a hand: there is none where workers are reserved. */
    for (const struct tti_worker *worker = pool->hands; worker != NULL; worker = worker->next_hand)
        for (uint32_t at = tti_hand_waiting(&worker->hand, 0); at != TTI_HAND_MAX;
             at = tti_hand_waiting(&worker->hand, at + 1))
            if (is_held_by(limiter, worker->hand.jobs[at]) && !has_parent(worker->hand.jobs[at]))
                count++;
    tti_lock_leave(&pool->lock);
    return count;
}

/** Whether the job will get its permit: those before it are served first, and some of them may never give theirs back. */
static bool can_have_permit(const struct tt_job *job) TT_ON_LOOP {
    const struct tt_limiter *limiter = job->limiter;
    const struct tt_wake *wake = job->pool->wake;
    uint64_t lost_count = 0;
    if (limiter->is_paused)
        return true;
    for (const struct tti_nest *nest = wake->nests; nest != NULL; nest = nest->next)
        lost_count += nest->host->is_stuck && is_held_by(limiter, nest->parent);
    for (struct tt_pool *pool = wake->pools; pool != NULL; pool = pool->next_pool)
        lost_count += count_held_in(pool, limiter);
    for (const struct tt_job *before = limiter->first; before != job; before = before->next)
        lost_count += !can_start(before);
    return lost_count < limiter->permit_count;
}

/* -- threads -- */

/** The worker that is inside the job; NULL: it waits, or is over. */
static struct tti_worker *worker_of(const struct tt_job *job) TT_ON_LOOP {
    struct tti_worker *worker = NULL;
    tti_lock_enter(&job->pool->lock);
    if (tti_job_phase(job, memory_order_relaxed) == TTI_DEALT)
        worker = job->worker;
    if (worker != NULL && !tti_hand_is_running(&worker->hand, job))
        worker = NULL;
    tti_lock_leave(&job->pool->lock);
    return worker;
}

static bool can_end(const struct tt_job *job) TT_ON_LOOP {
    const struct tti_worker *worker = worker_of(job);
    if (worker != NULL)
        return !worker->host->is_stuck;
    switch (tti_job_phase(job, memory_order_relaxed)) {
    case TTI_LIMITED:
        return can_have_permit(job) && can_start(job);
    case TTI_QUEUED:
    case TTI_DEALT:
        return can_start(job);
    default:
        return true; /* it has ended, or was given up */
    }
}

/** A child that will never end, or NULL. */
static struct tt_nest_item *find_stuck_item(const struct tti_nest *nest) TT_ON_LOOP {
    for (size_t i = 0; i < nest->count; i++) {
        struct tt_nest_item *item = &nest->items[i];
        if (item->status == TT_OK && item->outcome == TT_NONE && !can_end(item->job))
            return item;
    }
    return NULL;
}

static void set_stuck(const struct tti_nest *nest, bool is_stuck) TT_ON_LOOP {
    struct tti_worker *host = nest->host;
    struct tt_pool *pool = host->pool;
    uint32_t change = (uint32_t)is_stuck - (uint32_t)host->is_stuck;
    host->is_stuck = is_stuck;
    pool->stuck_count += change;
    tti_lock_enter(&pool->lock);
    pool->stuck_lower_count += host->is_lower ? change : 0;
    tti_lock_leave(&pool->lock);
}

static void set_all_stuck(const struct tt_wake *wake, bool are_stuck) TT_ON_LOOP {
    for (const struct tti_nest *nest = wake->nests; nest != NULL; nest = nest->next)
        if (nest->is_asleep)
            set_stuck(nest, are_stuck);
}

/** Lets those wake that only wait for what gets done. Returns: whether there was any. */
static bool wake_some(const struct tt_wake *wake) TT_ON_LOOP {
    bool is_any = false;
    for (const struct tti_nest *nest = wake->nests; nest != NULL; nest = nest->next) {
        if (!nest->is_asleep || !nest->host->is_stuck || find_stuck_item(nest) != NULL)
            continue;
        set_stuck(nest, false);
        is_any = true;
    }
    return is_any;
}

/** The nest in which the thread sleeps that is inside the job; NULL: nobody is. */
static struct tti_nest *sleeper_of(const struct tt_job *job) TT_ON_LOOP {
    const struct tti_worker *worker = worker_of(job);
    struct tti_nest *nest = worker != NULL ? job->pool->wake->nests : NULL;
    while (nest != NULL && (nest->host != worker->host || !nest->is_asleep))
        nest = nest->next;
    return nest;
}

/** The child that hasn't started and that the sleeper never wakes for, its own or a child's; NULL: it isn't stuck. */
static struct tt_nest_item *find_unstarted(const struct tt_wake *wake, const struct tti_nest *nest) TT_ON_LOOP {
    struct tt_nest_item *item;
    set_all_stuck(wake, true);
    while ((item = find_stuck_item(nest)) != NULL && wake_some(wake)) {
        /* somebody else may wake for that */
    }
    while (item != NULL && (nest = sleeper_of(item->job)) != NULL)
        item = find_stuck_item(nest);
    set_all_stuck(wake, false);
    return item;
}

static void let_out(const struct tt_wake *wake, const struct tti_nest *nest) TT_ON_LOOP {
    struct tt_nest_item *item;
    while ((item = find_unstarted(wake, nest)) != NULL) {
        bool is_ours = tti_cancel_waiting(item->job, TT_CANCELLED);
        assert(is_ours); /* whoever could take it is stuck */
        if (!is_ours)
            return; /* should that be wrong after all: better a job that waits than a loop that spins */
        item->nest->status = TT_DEADLOCK;
    }
}

static void on_look(struct tt_post *post) {
    tt_assume_loop();
    struct tt_wake *wake = WAKE_OF(post);
    /* Before the look at the flags; acq_rel pairs with the exchange in look_soon: who finds it set is seen asleep. */
    (void)atomic_exchange_explicit(&wake->has_circle_post, false, memory_order_acq_rel);
    tt_wake_flush(wake); /* a job in a batch is neither here nor there */
    for (struct tti_nest *nest = wake->nests; nest != NULL; nest = nest->next) {
        if (nest->is_asleep || !tti_flags_is_asleep(&nest->flags))
            continue;
        nest->is_asleep = true;
        let_out(wake, nest);
    }
}

static void look_soon(struct tt_wake *wake) {
    if (atomic_exchange_explicit(&wake->has_circle_post, true, memory_order_acq_rel))
        return;
    wake->circle_post.fn = on_look;
    tt_wake_post(wake, &wake->circle_post);
}

void tti_circle_sleeps(struct tt_pool *pool) {
    tti_lock_enter(&pool->lock); /* the wake stays for as long as the pool isn't orphaned */
    if (!pool->is_orphaned)
        look_soon(pool->wake);
    tti_lock_leave(&pool->lock);
}

void tti_circle_look_again(struct tt_wake *wake) {
    if (wake->nests == NULL)
        return;
    for (struct tti_nest *nest = wake->nests; nest != NULL; nest = nest->next)
        nest->is_asleep = false;
    look_soon(wake);
}
