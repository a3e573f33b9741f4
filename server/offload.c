/*
 * Offload: a call with its arguments becomes a job, and a job's end an outcome. Step 5 of 11.
 * Before: args (server/http/args.c).
 * After:  submit (pool/submit.c).
 */
#include "offload.h"

#include <stddef.h>
#include <tothread/pool.h>

#define OFFLOAD_OF_JOB(job_)     ((struct offload *)((char *)(job_)-offsetof(struct offload, job)))
#define OFFLOAD_OF_LATER(timer_) ((struct offload *)((char *)(timer_)-offsetof(struct offload, later)))

/** Of a call in a pool home writes the numbers; of others each loop its own, as each has one writer. */
static struct call_stats *stats_of(const struct offload *offload) TT_ON_LOOP {
    struct call *call = offload->run.call;
    if (call->side_stats == NULL || call->pool != NULL)
        return &call->stats;
    unsigned number = loop_get_place(offload->loop)->number;
    return number == 0 ? &call->stats : &call->side_stats[number - 1];
}

static void count_end(struct offload *offload) TT_ON_LOOP {
    struct call_stats *stats = stats_of(offload);
    stat_counter *counters[TT_OUTCOME_COUNT] = {
        [TT_NONE] = &stats->failed,
        [TT_DONE] = &stats->done,
        [TT_FAILED] = &stats->failed,
        [TT_CRASHED] = &stats->crashed,
        [TT_CANCELLED] = &stats->cancelled,
        [TT_EXPIRED_QUEUE] = &stats->expired_queue,
        [TT_EXPIRED_RUN] = &stats->expired_run,
        [TT_ABANDONED] = &stats->cancelled,
    };
    const struct tt_job *job = &offload->job;
    stat_add(counters[job->outcome], 1);
    stat_set(&stats->in_flight, stat_get(&stats->in_flight) - 1);
    histogram_add(&stats->queue, job->queue_us);
    if (job->outcome != TT_CANCELLED && job->outcome != TT_EXPIRED_QUEUE)
        histogram_add(&stats->run, job->run_us);
    if (job->cpu_us != 0)
        stat_add(&stats->cpu_us, job->cpu_us);
}

static void finish(struct offload *offload) TT_ON_LOOP {
    count_end(offload);
    offload->done(offload);
}

/* -- on a worker -- */

static enum tt_outcome on_run(struct tt_job *job, void *worker_state) {
    tt_assume_worker();
    return call_run_execute(&OFFLOAD_OF_JOB(job)->run, worker_state);
}

/** A call beyond its time has become a zombie, or is none any more. */
static void look_at_pool(struct offload *offload) TT_ON_LOOP {
    if (offload->job.outcome == TT_EXPIRED_RUN)
        watch_look(&offload->run.call->pool->watch);
}

static void on_done(struct tt_job *job) {
    tt_assume_loop();
    look_at_pool(OFFLOAD_OF_JOB(job));
    finish(OFFLOAD_OF_JOB(job));
}

static void on_release(struct tt_job *job) {
    tt_assume_loop();
    struct offload *offload = OFFLOAD_OF_JOB(job);
    look_at_pool(offload);
    offload->release(offload);
}

enum tt_status offload_submit(struct offload *offload, uint64_t deadline_us) {
    struct call *call = offload->run.call;
    stat_add(&call->stats.submitted, 1);
    struct tt_job *job = &offload->job;
    job->run = on_run;
    job->done = on_done;
    job->release = on_release;
    job->name = call->name;
    job->id = offload->run.run.id;
    job->client = offload->run.run.client;
    job->limiter = &call->limiter;
    job->run_timeout_us = call->timeout_us;
    job->deadline_us = deadline_us;
    enum tt_status status = tt_pool_submit(call->pool->pool, job);
    if (status == TT_OK)
        stat_add(&call->stats.in_flight, 1);
    else if (status == TT_FULL)
        stat_add(&call->stats.refused_full, 1);
    else
        stat_add(&call->stats.refused_closed, 1);
    return status;
}

/* -- on the loop itself: pool = none -- */

static void on_later(struct tt_timer *timer) {
    tt_assume_loop();
    struct offload *offload = OFFLOAD_OF_LATER(timer);
    finish(offload);
    offload->release(offload);
}

static void run_here(struct offload *offload) TT_ON_LOOP {
    struct loop *loop = offload->loop;
    uint64_t begin_us = tt_wake_now_us(loop_wake(loop));
    loop_doing(loop, offload->run.call->name);
    offload->job.outcome = call_run_execute(&offload->run, NULL);
    loop_doing(loop, NULL);
    if (!offload->run.call->function->never_blocks)
        tt_wake_refresh(loop_wake(loop)); /* or the time-outs of others in this turn would pay for it */
    if (offload->run.finishes_later) {
        tt_timer_start(loop_wake(loop), &offload->later, offload->run.later_us, on_later);
        offload->job.run_us = offload->run.later_us;
        return;
    }
    if (!offload->run.call->function->never_blocks)
        offload->job.run_us = tt_wake_now_us(loop_wake(loop)) - begin_us;
    finish(offload);
    offload->release(offload);
}

/* -- public -- */

void offload_init(struct offload *offload, struct loop *loop, struct call *call, size_t answer_limit_bytes) {
    offload->job = (struct tt_job){0};
    offload->later = (struct tt_timer){0};
    offload->loop = loop;
    offload->status = TT_OK;
    call_run_init(&offload->run, call, call->pool != NULL ? &offload->job : NULL, answer_limit_bytes);
}

void offload_deinit(struct offload *offload) {
    call_run_deinit(&offload->run);
}

bool offload_goes_home(const struct call *call, const struct loop *loop) {
    return call->pool != NULL && call->pool->loop != loop;
}

static bool is_elsewhere(const struct offload *offload) TT_ON_LOOP {
    return offload_goes_home(offload->run.call, offload->loop);
}

enum tt_status offload_start(struct offload *offload, uint64_t deadline_us) {
    struct call *call = offload->run.call;
    if (call->pool == NULL) {
        struct call_stats *stats = stats_of(offload);
        stat_add(&stats->submitted, 1);
        stat_add(&stats->in_flight, 1);
        run_here(offload);
        return TT_OK;
    }
    if (!is_elsewhere(offload))
        return offload_submit(offload, deadline_us);
    remote_start(offload, deadline_us);
    return TT_OK;
}

enum tt_status offload_cancel(struct offload *offload) {
    if (offload->run.call->pool == NULL)
        return TT_TOO_LATE; /* a timer of the loop: cheap, it ends by itself */
    if (!is_elsewhere(offload))
        return tt_job_cancel(&offload->job);
    remote_cancel(offload);
    return TT_TOO_LATE;
}

bool offload_is_taken_back(const struct offload *offload) {
    return is_elsewhere(offload) && offload->remote.is_asked && offload->job.outcome == TT_CANCELLED;
}

unsigned offload_wait_s(const struct call *call) {
    if (call->pool == NULL)
        return 1;
    uint64_t wait_us = tt_pool_expected_wait_us(call->pool->pool);
    return (unsigned)((wait_us + 999999u) / 1000000u);
}

unsigned offload_retry_after_s(const struct offload *offload) {
    return is_elsewhere(offload) ? offload->remote.retry_after_s : offload_wait_s(offload->run.call);
}
