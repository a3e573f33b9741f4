/* The one line. */
#include "probe.h"

#include <pthread.h>
#include <tothread/context.h>
#include <tothread/cpus.h>
#include <tothread/to_thread.h>

struct call {
    struct gate *gate;
    pthread_t thread;
    struct tt_context *context; /* current in the function */
    _Atomic unsigned run_count;
    void *result;
    enum tt_outcome outcome;
    unsigned done_count;
};

static _Atomic unsigned freed_count;

static void *answer(void *argument) {
    struct call *call = argument;
    atomic_fetch_add(&call->run_count, 1);
    call->context = tt_context_current();
    if (call->gate != NULL)
        gate_pass(call->gate);
    call->thread = pthread_self();
    return call;
}

static void on_answer(void *result, enum tt_outcome outcome, void *context) {
    struct call *call = context;
    call->result = result;
    call->outcome = outcome;
    call->done_count++;
}

static void free_answer(void *result) {
    ck_assert_ptr_nonnull(result);
    atomic_fetch_add(&freed_count, 1);
}

START_TEST(one_line_takes_a_call_off_the_loop) {
    struct tt_wake *wake = probe_wake();
    struct call call = {0};
    ck_assert_int_eq(tt_to_thread(wake, answer, &call, on_answer, &call, NULL), TT_OK);
    ck_assert_uint_eq(call.done_count, 0);
    PROBE_TURN_UNTIL(wake, call.done_count == 1);
    ck_assert_ptr_eq(call.result, &call);
    ck_assert_int_eq(call.outcome, TT_DONE);
    ck_assert(pthread_equal(call.thread, pthread_self()) == 0);
    tt_wake_destroy(wake); /* and the default pool with it */
}
END_TEST

START_TEST(default_pool_is_made_once_and_can_be_ones_own) {
    struct tt_wake *wake = probe_wake();
    struct tt_error error = {0};
    struct tt_pool *made = tt_wake_default_pool(wake, &error);
    ck_assert_ptr_nonnull(made);
    ck_assert_uint_eq(probe_snapshot(made).worker_target, tt_cpus_suggest_workers());
    ck_assert_uint_eq(probe_snapshot(made).queue_limit, TT_DEFAULT_QUEUE_LIMIT);
    ck_assert_ptr_eq(tt_wake_default_pool(wake, &error), made);
    struct tt_pool *own = probe_pool(wake, 1, 1, 0);
    tt_wake_set_default_pool(wake, own);
    ck_assert_ptr_eq(tt_wake_default_pool(wake, &error), own);
    struct call call = {0};
    ck_assert_int_eq(tt_to_thread(wake, answer, &call, on_answer, &call, NULL), TT_OK);
    ck_assert_uint_eq(probe_snapshot(own).submitted, 1);
    PROBE_TURN_UNTIL(wake, call.done_count == 1);
    tt_wake_set_default_pool(wake, NULL);
    ck_assert_ptr_ne(tt_wake_default_pool(wake, &error), own);
    probe_end(wake, own);
}
END_TEST

START_TEST(context_of_the_caller_goes_along) {
    struct tt_wake *wake = probe_wake();
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.tenant = "acme"}, NULL);
    struct call call = {0};
    struct tt_context *before = tt_context_enter(context);
    ck_assert_int_eq(tt_to_thread(wake, answer, &call, on_answer, &call, NULL), TT_OK);
    (void)tt_context_enter(before);
    PROBE_TURN_UNTIL(wake, call.done_count == 1);
    ck_assert_ptr_eq(call.context, context);
    tt_context_release(context);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(call_that_waits_too_long_never_runs) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct tt_to_thread_options options = {.pool = pool, .queue_timeout_us = 1000, .free_result = free_answer};
    struct gate gate;
    gate_init(&gate);
    struct call first = {.gate = &gate};
    struct call second = {0};
    ck_assert_int_eq(
        tt_to_thread(wake, answer, &first, on_answer, &first, &(struct tt_to_thread_options){.pool = pool}), TT_OK);
    ck_assert_int_eq(tt_to_thread(wake, answer, &second, on_answer, &second, &options), TT_OK);
    PROBE_TURN_UNTIL(wake, second.done_count == 1);
    ck_assert_int_eq(second.outcome, TT_EXPIRED_QUEUE);
    ck_assert_ptr_null(second.result);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    ck_assert_int_eq(first.outcome, TT_DONE);
    ck_assert_uint_eq(second.run_count, 0);
    ck_assert_uint_eq(freed_count, 0);
}
END_TEST

START_TEST(call_that_outlives_its_loop_has_its_result_freed) {
    struct tt_wake *wake = probe_wake();
    struct tt_to_thread_options options = {.free_result = free_answer};
    static struct gate gate; /* its worker may still leave it when this test ends */
    gate_init(&gate);
    struct call call = {.gate = &gate};
    ck_assert_int_eq(tt_to_thread(wake, answer, &call, on_answer, &call, &options), TT_OK);
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(atomic_load(&call.run_count) == 1);
    tt_wake_destroy(wake); /* doesn't wait for it */
    ck_assert_uint_eq(call.done_count, 1);
    ck_assert_int_eq(call.outcome, TT_ABANDONED);
    ck_assert_uint_eq(freed_count, 0);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(atomic_load(&freed_count) == 1);
    ck_assert_uint_eq(call.done_count, 1);
}
END_TEST

START_TEST(refused_call_is_never_told) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct tt_to_thread_options options = {.pool = pool};
    struct call call = {0};
    tt_pool_close(pool);
    ck_assert_int_eq(tt_to_thread(wake, answer, &call, on_answer, &call, &options), TT_CLOSED);
    probe_end(wake, pool);
    ck_assert_uint_eq(call.done_count, 0);
}
END_TEST

START_TEST(result_that_comes_too_late_is_freed) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct tt_to_thread_options options = {.pool = pool, .run_timeout_us = 1000, .free_result = free_answer};
    struct gate gate;
    gate_init(&gate);
    struct call call = {.gate = &gate};
    ck_assert_int_eq(tt_to_thread(wake, answer, &call, on_answer, &call, &options), TT_OK);
    PROBE_TURN_UNTIL(wake, call.done_count == 1);
    ck_assert_int_eq(call.outcome, TT_EXPIRED_RUN);
    ck_assert_ptr_null(call.result);
    ck_assert_uint_eq(freed_count, 0);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    ck_assert_uint_eq(freed_count, 1);
    ck_assert_uint_eq(call.done_count, 1);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        one_line_takes_a_call_off_the_loop,  default_pool_is_made_once_and_can_be_ones_own,
        context_of_the_caller_goes_along,    refused_call_is_never_told,
        call_that_waits_too_long_never_runs, call_that_outlives_its_loop_has_its_result_freed,
        result_that_comes_too_late_is_freed,
    };
    return probe_run_all("to_thread", tests, COUNT_OF(tests));
}
