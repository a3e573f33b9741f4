/* To thread: see to_thread.h. */
#include "internal.h"

#include "fault.h"
#include <stdlib.h>
#include <tothread/cpus.h>
#include <tothread/to_thread.h>

struct offhand {
    struct tt_job job;
    tt_to_thread_fn fn;
    void *argument;
    void *result;
    tt_result_fn done;
    void *context;
    void (*free_result)(void *result);
    bool is_given; /* the result: to done */
};

#define OFFHAND_OF(job_) ((struct offhand *)((char *)(job_)-offsetof(struct offhand, job)))

static enum tt_outcome on_run(struct tt_job *job, void *worker_state) {
    struct offhand *call = OFFHAND_OF(job);
    (void)worker_state;
    call->result = call->fn(call->argument);
    return TT_DONE;
}

static void on_done(struct tt_job *job) {
    tt_assume_loop();
    struct offhand *call = OFFHAND_OF(job);
    call->is_given = job->outcome == TT_DONE;
    call->done(call->is_given ? call->result : NULL, job->outcome, call->context);
}

static void on_release(struct tt_job *job) {
    struct offhand *call = OFFHAND_OF(job);
    if (!call->is_given && call->result != NULL && call->free_result != NULL)
        call->free_result(call->result);
    free(call);
}

struct tt_pool *tt_wake_default_pool(struct tt_wake *wake, struct tt_error *reterr) {
    if (!tti_is_on_loop(wake, __func__)) {
        (void)tt_error_set(reterr, TT_INVALID, 0, "not on the loop's thread");
        return NULL;
    }
    if (wake->default_pool != NULL)
        return wake->default_pool;
    struct tt_pool_options options = {
        .name = "default", .worker_count = tt_cpus_suggest_workers(), .queue_limit = TT_DEFAULT_QUEUE_LIMIT};
    wake->default_pool = tt_pool_create(wake, &options, reterr);
    wake->owns_default_pool = wake->default_pool != NULL;
    return wake->default_pool;
}

void tt_wake_set_default_pool(struct tt_wake *wake, struct tt_pool *pool) {
    if (!tti_is_on_loop(wake, __func__))
        return;
    struct tt_pool *before = wake->owns_default_pool ? wake->default_pool : NULL;
    if (before != NULL && !tti_is_outside(wake, __func__))
        return;
    wake->default_pool = pool;
    wake->owns_default_pool = false;
    tt_pool_destroy(before);
}

enum tt_status tt_to_thread(struct tt_wake *wake, tt_to_thread_fn fn, void *argument, tt_result_fn done, void *context,
                            const struct tt_to_thread_options *options) {
    static const struct tt_to_thread_options no_options;
    struct tt_error error = {.status = TT_NOMEM};
    if (!tti_is_on_loop(wake, __func__))
        return TT_INVALID;
    if (options == NULL)
        options = &no_options;
    struct tt_pool *pool = options->pool != NULL ? options->pool : tt_wake_default_pool(wake, &error);
    struct offhand *call = pool != NULL ? calloc(1, sizeof *call) : NULL;
    if (call == NULL)
        return error.status;
    call->job = (struct tt_job){.run = on_run,
                                .done = on_done,
                                .release = on_release,
                                .name = options->name,
                                .queue_timeout_us = options->queue_timeout_us,
                                .run_timeout_us = options->run_timeout_us};
    call->fn = fn;
    call->argument = argument;
    call->done = done;
    call->context = context;
    call->free_result = options->free_result;
    enum tt_status status = tt_pool_submit(pool, &call->job);
    if (status != TT_OK)
        free(call);
    return status;
}
