/**
 * Run: one run of a call, and what becomes of a function that doesn't keep its contract.
 */
#include "../log.h"
#include "module.h"
#include "pieces.h"
#include "registry.h"
#include <stdarg.h>

static enum tt_outcome run_fail(struct call_run *run, const char *format, ...) TT_PRINTF(2, 3);
static enum tt_outcome run_fail(struct call_run *run, const char *format, ...) {
    va_list args;
    va_start(args, format);
    enum tt_outcome outcome = answer_fail(&run->answer, 500, format, args);
    va_end(args);
    answer_drop_fields(&run->answer); /* they were meant for another answer */
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
    run->passage = NULL;
    run->reads_passage = false;
    run->fields = NULL;
    run->read_bytes = 0;
    run->is_sending = false;
    run->is_cut = false;
    run->run.body_total = 0;
    run->run.is_head = false;
    answer_init(&run->answer, answer_limit_bytes);
}

void call_run_deinit(struct call_run *run) {
    answer_deinit(&run->answer);
}

/** What is wrong with an answer whose function has succeeded. Returns: the outcome. */
static enum tt_outcome run_check_answer(struct call_run *run) {
    const struct answer *answer = &run->answer;
    if (answer->has_begun && answer->has_no_memory && answer->written == 0 && !run->is_sending)
        return run_fail(run, "no room for an answer in pieces (max-buffered limits what is held for all clients)");
    if (answer->has_begun && !pieces_are_unseen(run)) {
        if (answer->is_full && answer->announced != TT_SIZE_UNKNOWN)
            return run_fail(run, "the answer is longer than the %llu bytes that it began with",
                            (unsigned long long)answer->announced);
        if (answer->announced != TT_SIZE_UNKNOWN && answer->written < answer->announced)
            return run_fail(run, "the answer ended after %llu of %llu bytes", (unsigned long long)answer->written,
                            (unsigned long long)answer->announced);
    }
    if (answer->is_full)
        return run_fail(run, "the answer is bigger than the limit of %zu bytes (max-answer)", answer->limit);
    if (answer->has_no_memory)
        return run_fail(run, "no memory for the answer (its limit is %zu bytes)", answer->limit);
    return TT_DONE;
}

enum tt_outcome call_run_execute(struct call_run *run, void *worker_state) {
    static struct log_limit limit;
    const struct call *call = run->call;
    run->run.worker = worker_state != NULL ? ((void **)worker_state)[call->module_slot] : NULL;
    enum tt_outcome outcome = call->function->run(&run->run);
    if (run->is_cut)
        return TT_CANCELLED; /* it was told to end, and did */
    if (run->is_sending && pieces_are_unseen(run))
        return TT_DONE; /* all of the answer is out already */
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
    return run_check_answer(run) == TT_DONE ? TT_DONE : run_end_failed(run);
}
