/*
 * Deadline: the two clocks of a job.
 *
 * The queue clock is a timer a job: O(1), and it rarely fires; the absolute deadline, where a job has one, uses the same
 * timer. The run clock starts on the worker, which shall not
 * wake the loop for it; so the loop looks at the workers instead, at the earliest moment at which any run deadline can have
 * passed. A job that starts after a look can't be over time before that look plus the shortest run time-out of all jobs
 * inside, so no deadline is seen late.
 */
#include "internal.h"

#define TIMER_OF_JOB(timer_) ((struct tt_job *)((char *)(timer_)-offsetof(struct tt_job, timer)))
#define POOL_OF_SCAN(timer_) ((struct tt_pool *)((char *)(timer_)-offsetof(struct tt_pool, scan)))

/** The job's timer is due. Waiting: start or expire, decided by who gets the job out of its list. Running: its deadline. */
static void on_job_timer(struct tt_timer *timer) {
    tt_assume_loop();
    struct tt_job *job = TIMER_OF_JOB(timer);
    struct tt_wake *wake = job->pool->wake;
    uint64_t now_us = tti_wake_time_us(wake);
    if (tti_cancel_waiting(job, TT_EXPIRED_QUEUE) || job->due_us == 0 || job->release == NULL)
        return;
    if (now_us < job->due_us)
        tt_timer_start(wake, timer, job->due_us - now_us, on_job_timer);
    else
        (void)tti_cancel_running(job, TT_EXPIRED_RUN, now_us); /* false: it has just finished */
}

static void on_scan(struct tt_timer *timer);

static void scan_at(struct tt_pool *pool, uint64_t now_us, uint64_t due_us) TT_ON_LOOP {
    uint64_t delay_us = due_us > now_us ? due_us - now_us : 0;
    if (pool->scan.prev != NULL && pool->scan.due_ms <= due_us / 1000 + 1)
        return;
    tt_timer_start(pool->wake, &pool->scan, delay_us, on_scan);
}

/** When the run time of a running job is over. */
static uint64_t run_due_us(const struct tt_job *job, uint64_t now_us) TT_ON_LOOP {
    uint64_t started_us = atomic_load_explicit(&job->started_us, memory_order_relaxed);
    /* 0: its worker has just gone on to it */
    return tti_clock_add_us(started_us != 0 ? started_us : now_us, job->run_timeout_us);
}

/** Into a list in the order of the deadlines; a job's links are free while it runs. */
static void put_late(struct tt_job **list, struct tt_job *job, uint64_t now_us) TT_ON_LOOP {
    while (*list != NULL && run_due_us(*list, now_us) <= run_due_us(job, now_us))
        list = &(*list)->prev;
    job->prev = *list;
    *list = job;
}

/** Gives up every job that is over its run time; when to look again. */
static uint64_t scan_workers(struct tt_pool *pool, uint64_t now_us) TT_ON_LOOP {
    uint64_t next_us = UINT64_MAX;
    struct tt_job *late = NULL;
    tti_lock_enter(&pool->lock);
    for (struct tti_worker *worker = pool->workers; worker != NULL; worker = worker->next) {
        struct tt_job *job = tti_hand_running(&worker->hand);
        if (job == NULL || job->run_timeout_us == 0)
            continue;
        uint64_t due_us = run_due_us(job, now_us);
        if (due_us <= now_us)
            put_late(&late, job, now_us);
        else if (due_us < next_us)
            next_us = due_us;
    }
    tti_lock_leave(&pool->lock);
    while (late != NULL) {
        struct tt_job *job = late;
        late = job->prev;
        (void)tti_cancel_running(job, TT_EXPIRED_RUN, now_us); /* false: it has just finished after all */
    }
    return next_us;
}

static void on_scan(struct tt_timer *timer) {
    tt_assume_loop();
    struct tt_pool *pool = POOL_OF_SCAN(timer);
    uint64_t now_us = tti_wake_time_us(pool->wake);
    uint64_t next_us = scan_workers(pool, now_us);
    if (pool->waiting_count == 0) {
        pool->shortest_run_us = 0;
        return;
    }
    uint64_t unseen_us = tti_clock_add_us(now_us, pool->shortest_run_us);
    scan_at(pool, now_us, unseen_us < next_us ? unseen_us : next_us);
}

void tti_deadline_begin(struct tt_pool *pool, struct tt_job *job, uint64_t now_us) {
    uint64_t queue_us = job->queue_timeout_us != 0 ? job->queue_timeout_us : pool->queue_timeout_us;
    if (job->due_us != 0) {
        uint64_t left_us = job->due_us > now_us ? job->due_us - now_us : 0;
        queue_us = queue_us == 0 || left_us < queue_us ? left_us : queue_us;
    }
    if (queue_us != 0 || job->due_us != 0)
        tt_timer_start(pool->wake, &job->timer, queue_us, on_job_timer);
    if (job->run_timeout_us == 0)
        return;
    if (pool->shortest_run_us == 0 || job->run_timeout_us < pool->shortest_run_us)
        pool->shortest_run_us = job->run_timeout_us;
    scan_at(pool, now_us, tti_clock_add_us(now_us, job->run_timeout_us));
}
