/**
 * Run: one run of a call, and what becomes of a function that doesn't keep its contract.
 */
#include "../log.h"
#include "module.h"
#include "registry.h"
#include <stdarg.h>

static enum tt_outcome run_fail(struct call_run *run, const char *format, ...) TT_PRINTF(2, 3);
static enum tt_outcome run_fail(struct call_run *run, const char *format, ...) {
    va_list args;
    va_start(args, format);
    enum tt_outcome outcome = answer_fail(&run->answer, 500, format, args);
    va_end(args);
    return outcome;
}

/** The body of a failure is its detail: what was written after fail() goes as well. */
static enum tt_outcome run_end_failed(struct call_run *run) {
    run->finishes_later = false;
    run->answer.size = 0;
    return TT_FAILED;
}

void call_run_init(struct call_run *run, struct call *call, struct tt_job *job, size_t answer_limit_bytes) {
    run->run.host = &module_host;
    run->run.module = call->module->state;
    run->run.worker = NULL;
    run->run.call = call->state;
    run->call = call;
    run->job = job;
    run->finishes_later = false;
    run->later_us = 0;
    answer_init(&run->answer, answer_limit_bytes);
}

void call_run_deinit(struct call_run *run) {
    answer_deinit(&run->answer);
}

enum tt_outcome call_run_execute(struct call_run *run, void *worker_state) {
    static struct log_limit limit;
    const struct call *call = run->call;
    run->run.worker = worker_state != NULL ? ((void **)worker_state)[call->module_slot] : NULL;
    enum tt_outcome outcome = call->function->run(&run->run);
    if (run->answer.has_failed)
        return run_end_failed(run);
    if (outcome == TT_FAILED) {
        (void)run_fail(run, "the call failed and didn't say why");
        return run_end_failed(run);
    }
    if (outcome != TT_DONE) {
        log_event_limited(&limit, TT_LOG_ERROR, "outcome_unknown", "call=%s module=%s outcome=%d", call->name,
                          call->module->name, (int)outcome);
        (void)run_fail(run, "the call ended in a way that it may not (%s)", tt_outcome_name(outcome));
        return run_end_failed(run);
    }
    if (run->answer.is_full || run->answer.has_no_memory) {
        bool is_full = run->answer.is_full;
        (void)run_fail(run,
                       is_full ? "the answer is bigger than the limit of %zu bytes (max-answer)"
                               : "no memory for the answer (its limit is %zu bytes)",
                       run->answer.limit);
        return run_end_failed(run);
    }
    return TT_DONE;
}
