/* Call: see call.h. The call lives on the worker's stack; the loop's last touch of it is the store of is_ended. */
#include "request.h"

#include <tothread/call.h>

struct call {
    struct tt_post post;
    struct tt_job *job;
    struct tti_worker *worker;
    tt_call_fn fn;
    void *argument;
    enum tt_status status; /* the loop's, until is_ended */
    atomic_bool is_ended;
};

#define CALL_OF(post_) ((struct call *)((char *)(post_)-offsetof(struct call, post)))

static void on_call(struct tt_post *post) {
    tt_assume_loop();
    struct call *call = CALL_OF(post);
    struct tti_worker *worker = call->worker;
    if (tt_job_is_cancelled(call->job)) { /* its worker is on the way to take it back */
        call->status = TT_CLOSED;
    } else {
        struct tt_context *before = tti_request_enter(call->job);
        call->fn(call->argument);
        tti_context_current = before;
    }
    /* Release pairs with the acquire in await: the worker sees what fn wrote. From here on the call is gone. */
    atomic_store_explicit(&call->is_ended, true, memory_order_release);
    tti_park_wake(&worker->pause);
}

static bool is_ended(const struct call *call) {
    return atomic_load_explicit(&call->is_ended, memory_order_acquire);
}

/** Waits for its end, or takes it back. Once it can't be taken back it is running, and only its end counts. */
static enum tt_status await(struct call *call, uint64_t due_us) {
    bool may_withdraw = true;
    while (!is_ended(call)) {
        uint64_t now_us = tti_clock_now_us();
        bool is_cancelled = tt_job_is_cancelled(call->job);
        if (may_withdraw && (is_cancelled || now_us >= due_us)) {
            if (tti_request_withdraw(call->job->pool, &call->post))
                return is_cancelled ? TT_CLOSED : TT_TIMED_OUT;
            may_withdraw = false;
            continue;
        }
        tti_park_wait(&call->worker->pause, may_withdraw && due_us != UINT64_MAX ? due_us - now_us : UINT64_MAX);
    }
    return call->status;
}

enum tt_status tt_job_call(struct tt_job *job, tt_call_fn fn, void *argument, uint64_t timeout_us) {
    struct call call = {.post = {.fn = on_call}, .job = job, .fn = fn, .argument = argument};
    call.worker = tti_request_worker(job);
    if (call.worker == NULL)
        return TT_WRONG_THREAD;
    if (timeout_us == 0)
        return tt_job_is_cancelled(job) ? TT_CLOSED : TT_TIMED_OUT;
    uint64_t due_us = timeout_us == UINT64_MAX ? UINT64_MAX : tti_clock_add_us(tti_clock_now_us(), timeout_us);
    if (!tti_request_start(job, &call.post))
        return TT_CLOSED;
    return await(&call, due_us);
}
