/* Stats: copies for other threads. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

static uint64_t read_counter(const tti_counter *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint64_t since(uint64_t now_us, uint64_t then_us) {
    return now_us > then_us ? now_us - then_us : 0;
}

static void count_workers(const struct tt_pool *pool, struct tt_pool_snapshot *ret) TT_REQUIRES(pool->lock) {
    for (const struct tti_worker *worker = pool->workers; worker != NULL; worker = worker->next) {
        uint64_t started_us = atomic_load_explicit(&worker->run_started_us, memory_order_relaxed);
        if (worker->zombie != NULL)
            ret->zombie_count++;
        else if (started_us != 0)
            ret->busy_count++;
        else if (worker->is_ready)
            ret->idle_count++;
    }
}

/** The oldest job is the first of its key. */
static void count_waiting(const struct tt_pool *pool, uint64_t now_us, struct tt_pool_snapshot *ret)
    TT_REQUIRES(pool->lock) {
    uint64_t oldest_us = now_us;
    ret->queue_depth = pool->queue.count;
    for (unsigned at = 0; at < TTI_LANE_COUNT; at++) {
        const struct tt_key *key = pool->queue.lanes[at].turn;
        for (const struct tt_key *end = NULL; key != end; key = key->lanes[at].next) {
            if (end == NULL)
                end = key;
            if (key->lanes[at].first->submitted_us < oldest_us)
                oldest_us = key->lanes[at].first->submitted_us;
        }
    }
    for (const struct tti_worker *worker = pool->hands; worker != NULL; worker = worker->next_hand) {
        uint32_t first = tti_hand_waiting(&worker->hand, 0);
        ret->queue_depth += tti_hand_waiting_count(&worker->hand);
        if (first != TTI_HAND_MAX && worker->hand.submitted[first] < oldest_us)
            oldest_us = worker->hand.submitted[first];
    }
    ret->queue_oldest_us = now_us - oldest_us;
}

void tt_pool_snapshot(struct tt_pool *pool, struct tt_pool_snapshot *ret_snapshot) {
    struct tt_pool_snapshot *ret = ret_snapshot;
    uint64_t now_us = tti_clock_now_us();
    memset(ret, 0, sizeof *ret);
    memcpy(ret->name, pool->name, sizeof ret->name);
    tti_lock_enter(&pool->lock);
    ret->worker_target = pool->options.worker_count == 0 ? 0 : pool->target_count;
    ret->thread_count = pool->options.worker_count == 0 ? 0 : pool->thread_count;
    ret->starting_count = pool->thread_count - pool->ready_count;
    ret->spare_limit = pool->spare_count;
    ret->start_failures = pool->start_failures;
    memcpy(ret->start_error, pool->start_error, sizeof ret->start_error);
    count_waiting(pool, now_us, ret);
    ret->queue_depth += atomic_load_explicit(&pool->shown_held, memory_order_relaxed);
    count_workers(pool, ret);
    tti_lock_leave(&pool->lock);
    ret->queue_limit = atomic_load_explicit(&pool->shown_limit, memory_order_relaxed);
    ret->is_closed = atomic_load_explicit(&pool->shown_closed, memory_order_relaxed) != 0;
    ret->submitted = read_counter(&pool->submitted);
    ret->refused_full = read_counter(&pool->refused_full);
    ret->refused_closed = read_counter(&pool->refused_closed);
    ret->done = read_counter(&pool->outcomes[TT_DONE]);
    ret->failed = read_counter(&pool->outcomes[TT_FAILED]);
    ret->crashed = read_counter(&pool->outcomes[TT_CRASHED]);
    ret->cancelled = read_counter(&pool->outcomes[TT_CANCELLED]);
    ret->expired_queue = read_counter(&pool->outcomes[TT_EXPIRED_QUEUE]);
    ret->expired_run = read_counter(&pool->outcomes[TT_EXPIRED_RUN]);
    ret->abandoned = read_counter(&pool->outcomes[TT_ABANDONED]);
    ret->zombies_ended = read_counter(&pool->zombies_ended);
}

/** From the copies in the hand: the job itself may be gone. */
static void copy_dealt(const struct tt_pool *pool, const struct tti_worker *worker, uint32_t index,
                       struct tt_job_snapshot *ret) TT_REQUIRES(pool->lock) {
    (void)pool; /* named for its lock */
    memset(ret, 0, sizeof *ret);
    const char *name = worker->hand.names[index];
    (void)snprintf(ret->name, sizeof ret->name, "%s", name != NULL ? name : ""); /* cut is fine */
    memcpy(ret->id, worker->hand.ids[index], sizeof ret->id);
    memcpy(ret->client, worker->hand.clients[index], sizeof ret->client);
}

static void copy_running(const struct tt_pool *pool, const struct tti_worker *worker, uint64_t started_us,
                         uint64_t now_us, struct tt_job_snapshot *ret) TT_REQUIRES(pool->lock) {
    uint32_t index = tti_hand_index(atomic_load_explicit(&worker->hand.word, memory_order_relaxed));
    if (index >= worker->hand.count)
        index = worker->hand.count - 1; /* it has just ended */
    copy_dealt(pool, worker, index, ret);
    memcpy(ret->worker, worker->name, sizeof ret->worker);
    ret->thread_id = worker->thread_id;
    ret->phase = worker->zombie != NULL ? TT_PHASE_ZOMBIE : TT_PHASE_RUNNING;
    ret->queue_us = since(started_us, worker->hand.submitted[index]);
    ret->run_us = since(now_us, started_us);
}

void tti_stats_copy_queued(const struct tt_job *job, uint64_t now_us, struct tt_job_snapshot *ret) {
    memset(ret, 0, sizeof *ret);
    (void)snprintf(ret->name, sizeof ret->name, "%s", job->name != NULL ? job->name : ""); /* cut is fine */
    (void)snprintf(ret->id, sizeof ret->id, "%s", job->id != NULL ? job->id : "");
    (void)snprintf(ret->client, sizeof ret->client, "%s", job->client != NULL ? job->client : "");
    ret->phase = TT_PHASE_QUEUED;
    ret->queue_us = since(now_us, job->submitted_us);
}

/** Jobs that wait in a worker's hand are queued: any worker may still take them. */
static size_t copy_hand(const struct tt_pool *pool, const struct tti_worker *worker, uint64_t now_us,
                        struct tt_job_snapshot *ret_jobs, size_t capacity) TT_REQUIRES(pool->lock) {
    size_t count = 0;
    for (uint32_t at = tti_hand_waiting(&worker->hand, 0); at != TTI_HAND_MAX && count < capacity;
         at = tti_hand_waiting(&worker->hand, at + 1)) {
        copy_dealt(pool, worker, at, &ret_jobs[count]);
        ret_jobs[count].phase = TT_PHASE_QUEUED;
        ret_jobs[count++].queue_us = since(now_us, worker->hand.submitted[at]);
    }
    return count;
}

size_t tt_pool_jobs(struct tt_pool *pool, struct tt_job_snapshot *ret_jobs, size_t capacity) {
    uint64_t now_us = tti_clock_now_us();
    size_t count = 0;
    tti_lock_enter(&pool->lock);
    for (struct tti_worker *worker = pool->workers; worker != NULL && count < capacity; worker = worker->next) {
        uint64_t started_us = atomic_load_explicit(&worker->run_started_us, memory_order_relaxed);
        if (started_us != 0 && worker->hand.count != 0)
            copy_running(pool, worker, started_us, now_us, &ret_jobs[count++]);
    }
    for (struct tti_worker *worker = pool->hands; worker != NULL; worker = worker->next_hand)
        count += copy_hand(pool, worker, now_us, &ret_jobs[count], capacity - count);
    for (const struct tt_job *job = tti_lane_after(&pool->queue, NULL); job != NULL && count < capacity;
         job = tti_lane_after(&pool->queue, job))
        tti_stats_copy_queued(job, now_us, &ret_jobs[count++]);
    tti_lock_leave(&pool->lock);
    return count;
}
