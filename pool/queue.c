/*
 * Queue: jobs on their way to the workers. Step 7 of 11.
 * Before: submit (pool/submit.c), a turn's jobs in one batch.
 * After:  worker (pool/worker.c), one job at a time.
 *
 * One lock, held for a few dozen nanoseconds: by the loop once a turn, by a worker once a job. A ring without a lock
 * would be faster still, but a job in the middle of it can't be taken back, and taking back is what a queue deadline and
 * a client that leaves need at once.
 */
#include "internal.h"

#include <string.h>

/* How many workers may be on their way at a time. Each of them wakes the next one if there is work left, so all come,
   but a burst of tiny jobs is done before the third has been woken: an idle core costs 45 us of CPU to wake. */
#define WAKING_MAX 2

void tti_list_append(struct tti_list *list, struct tt_job *job) {
    job->next = NULL;
    job->prev = list->last;
    if (list->last != NULL)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
    list->count++;
}

void tti_list_remove(struct tti_list *list, struct tt_job *job) {
    if (job->prev != NULL)
        job->prev->next = job->next;
    else
        list->first = job->next;
    if (job->next != NULL)
        job->next->prev = job->prev;
    else
        list->last = job->prev;
    job->next = NULL;
    job->prev = NULL;
    list->count--;
}

struct tt_job *tti_list_take(struct tti_list *list) {
    struct tt_job *job = list->first;
    if (job != NULL)
        tti_list_remove(list, job);
    return job;
}

void tti_list_splice(struct tti_list *list, struct tti_list *tail) {
    if (tail->first == NULL)
        return;
    tail->first->prev = list->last;
    if (list->last != NULL)
        list->last->next = tail->first;
    else
        list->first = tail->first;
    list->last = tail->last;
    list->count += tail->count;
    tail->first = NULL;
    tail->last = NULL;
    tail->count = 0;
}

/** Takes a parked worker off the stack, if another one is worth waking. The caller wakes it without the lock. */
static struct tti_worker *pick_sleeper(struct tt_pool *pool) TT_REQUIRES(pool->lock) {
    struct tti_worker *worker = pool->idle;
    if (worker == NULL || pool->queue.count <= pool->waking_count || pool->waking_count >= WAKING_MAX)
        return NULL;
    pool->idle = worker->next_idle;
    pool->idle_count--;
    worker->is_woken = true;
    pool->waking_count++;
    return worker;
}

void tti_queue_flush(struct tt_pool *pool) {
    for (struct tt_job *job = pool->batch.first; job != NULL; job = job->next)
        tti_job_set_phase(job, TTI_QUEUED);
    struct tti_worker *sleepers[WAKING_MAX];
    size_t count = 0;
    tti_lock_enter(&pool->lock);
    tti_pool_hold(pool, -(int32_t)pool->batch.count);
    tti_list_splice(&pool->queue, &pool->batch);
    while (count < WAKING_MAX && (sleepers[count] = pick_sleeper(pool)) != NULL)
        count++;
    tti_lock_leave(&pool->lock);
    for (size_t i = 0; i < count; i++)
        tti_park_wake(&sleepers[i]->park);
}

bool tti_queue_remove(struct tt_pool *pool, struct tt_job *job) {
    tti_lock_enter(&pool->lock);
    bool is_queued = tti_job_phase(job, memory_order_relaxed) == TTI_QUEUED;
    if (is_queued)
        tti_list_remove(&pool->queue, job);
    tti_lock_leave(&pool->lock);
    return is_queued;
}

void tti_queue_note_serving(struct tt_pool *pool) {
    uint32_t zombies = pool->zombie_count < pool->ready_count ? pool->zombie_count : pool->ready_count;
    atomic_store_explicit(&pool->serving_count, pool->ready_count - zombies, memory_order_relaxed);
}

/** Gives the job to the worker: from here on no one can take it back. */
static void assign(struct tt_pool *pool, struct tti_worker *worker, struct tt_job *job, uint64_t now_us)
    TT_REQUIRES(pool->lock) {
    (void)pool; /* named for its lock */
    worker->job_name = job->name;
    if (job->id != NULL) {
        size_t size = strnlen(job->id, sizeof worker->job_id - 1);
        memcpy(worker->job_id, job->id, size);
        worker->job_id[size] = '\0';
    } else {
        worker->job_id[0] = '\0';
    }
    worker->job_queue_us = now_us > job->submitted_us ? now_us - job->submitted_us : 0;
    job->worker = worker;
    atomic_store_explicit(&job->started_us, now_us, memory_order_relaxed);
    atomic_store_explicit(&worker->run_started_us, now_us, memory_order_relaxed);
    /* Release, both: the loop that follows the pointer, or gives the job up, sees what stands above. */
    atomic_store_explicit(&worker->job, job, memory_order_release);
    atomic_store_explicit(&job->phase, TTI_RUNNING, memory_order_release);
}

bool tti_queue_has_surplus(const struct tt_pool *pool) {
    return pool->thread_count - pool->zombie_count > pool->target_count;
}

struct tt_job *tti_queue_take(struct tt_pool *pool, struct tti_worker *worker, uint64_t now_us) {
    struct tti_worker *sleeper = NULL;
    struct tt_job *job = NULL;
    tti_lock_enter(&pool->lock);
    while (!pool->is_stopping && !tti_queue_has_surplus(pool) && (job = tti_list_take(&pool->queue)) == NULL) {
        worker->next_idle = pool->idle;
        pool->idle = worker;
        pool->idle_count++;
        tti_lock_leave(&pool->lock);
        tti_park_wait(&worker->park, UINT64_MAX);
        now_us = tti_clock_now_us();
        tti_lock_enter(&pool->lock);
        if (worker->is_woken) {
            worker->is_woken = false;
            pool->waking_count--;
        }
    }
    if (job != NULL) {
        assign(pool, worker, job, now_us);
    } else {
        /* The end is decided under the lock: a resize that comes later counts without this thread. */
        pool->thread_count--;
        pool->ready_count--;
        worker->is_ready = false;
        tti_queue_note_serving(pool);
    }
    sleeper = pick_sleeper(pool);
    tti_lock_leave(&pool->lock);
    if (sleeper != NULL)
        tti_park_wake(&sleeper->park);
    return job;
}
