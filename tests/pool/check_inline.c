/* The inline pool: asynchronous code, run like ordinary code. */
#include "probe.h"

#include <pthread.h>

static struct tt_pool *inline_pool(struct tt_wake *wake, uint32_t queue_limit) {
    struct tt_pool_options options = {.name = "inline", .worker_count = 0, .queue_limit = queue_limit};
    return probe_pool_with(wake, &options);
}

static pthread_t loop_thread;

static enum tt_outcome run_on_loop(struct tt_job *job, void *worker_state) {
    return pthread_equal(pthread_self(), loop_thread) ? probe_run(job, worker_state) : TT_FAILED;
}

START_TEST(jobs_run_inside_dispatch_on_the_loop_in_their_order) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = inline_pool(wake, 20);
    struct probe probes[10];
    uint32_t dones = 0;
    loop_thread = pthread_self();
    for (unsigned i = 0; i < 10; i++) {
        probe_init(&probes[i], NULL);
        probes[i].job.run = run_on_loop;
        probes[i].dones = &dones;
        probe_submit(pool, &probes[i]);
        ck_assert_uint_eq(probes[i].run_count, 0);
    }
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_uint_eq(probes[i].run_count, 0);
    ck_assert_uint_eq(tt_wake_dispatch(wake, 100), 10);
    for (unsigned i = 0; i < 10; i++) {
        probe_assert_ended(&probes[i], TT_DONE);
        ck_assert_uint_eq(probes[i].done_order, i + 1);
    }
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(cap_of_a_turn_holds) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = inline_pool(wake, 20);
    struct probe probes[10];
    for (unsigned i = 0; i < 10; i++)
        probe_start(pool, &probes[i], NULL);
    ck_assert_uint_eq(tt_wake_dispatch(wake, 4), 4);
    ck_assert_uint_eq(probes[3].run_count, 1);
    ck_assert_uint_eq(probes[4].run_count, 0); /* the cap is for running them, not for telling alone */
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    ck_assert_uint_eq(tt_wake_dispatch(wake, 4), 4);
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    ck_assert_uint_eq(tt_wake_dispatch(wake, 4), 2);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(queue_limit_close_and_cancel_work_as_with_threads) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = inline_pool(wake, 2);
    struct probe probes[5];
    enum tt_status status = TT_OK;
    unsigned count = 0;
    for (; count < 5 && status == TT_OK; count++) {
        probe_init(&probes[count], NULL);
        status = tt_pool_submit(pool, &probes[count].job);
    }
    ck_assert_int_eq(status, TT_FULL);
    ck_assert_uint_eq(count, 4); /* two in the queue, one for the loop as the worker, one refused */
    ck_assert_int_eq(tt_job_cancel(&probes[1].job), TT_OK);
    (void)tt_wake_dispatch(wake, 100);
    probe_assert_ended(&probes[0], TT_DONE);
    probe_assert_ended(&probes[1], TT_CANCELLED);
    probe_assert_ended(&probes[2], TT_DONE);
    ck_assert_uint_eq(probes[1].run_count, 0);
    tt_pool_close(pool);
    ck_assert_int_eq(tt_pool_submit(pool, &probes[3].job), TT_CLOSED);
    probe_end(wake, pool);
}
END_TEST

START_TEST(inline_pool_cannot_be_resized_nor_a_threaded_one_to_none) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = inline_pool(wake, 2);
    ck_assert_int_eq(tt_pool_resize(pool, 4), TT_INVALID);
    ck_assert_int_eq(tt_pool_set_limits(pool, 5, 5, 0), TT_OK);
    struct tt_pool_snapshot snapshot = probe_snapshot(pool);
    ck_assert_uint_eq(snapshot.thread_count, 0);
    ck_assert_uint_eq(snapshot.worker_target, 0);
    probe_end(wake, pool);
}
END_TEST

static unsigned hook_starts;
static unsigned hook_stops;
static bool hook_fails;

static enum tt_status hook_start(void *context, void **ret_state, struct tt_error *reterr) {
    if (hook_fails)
        return tt_error_set(reterr, TT_SYSTEM, 0, "no luck");
    hook_starts++;
    *ret_state = context;
    return TT_OK;
}

static void hook_stop(void *context, void *state) {
    ck_assert_ptr_eq(context, state);
    hook_stops++;
}

START_TEST(hooks_run_once_and_a_failing_start_hook_refuses_the_pool) {
    struct tt_wake *wake = probe_wake();
    int context = 0;
    struct tt_pool_options options = {
        .name = "inline", .queue_limit = 1, .on_start = hook_start, .on_stop = hook_stop, .context = &context};
    struct tt_error error = {0};
    hook_fails = true;
    ck_assert_ptr_null(tt_pool_create(wake, &options, &error));
    ck_assert_str_eq(error.text, "no luck");
    hook_fails = false;
    struct tt_pool *pool = probe_pool_with(wake, &options);
    struct probe probe;
    probe_start(pool, &probe, NULL);
    probe_end(wake, pool);
    ck_assert_uint_eq(hook_starts, 1);
    ck_assert_uint_eq(hook_stops, 1);
}
END_TEST

static struct tt_pool *nested_pool;

static void submit_another(struct tt_job *job) {
    struct probe *probe = PROBE_OF(job);
    probe_done(job);
    probe_submit(nested_pool, probe + 1);
}

START_TEST(done_may_submit_and_limits_and_drain_work) {
    struct tt_wake *wake = probe_wake();
    struct tt_limiter limiter = {.permit_count = 1};
    nested_pool = inline_pool(wake, 50);
    static struct probe probes[30];
    for (unsigned i = 0; i < COUNT_OF(probes); i++) {
        probe_init(&probes[i], NULL);
        probes[i].job.limiter = &limiter;
        if (i % 2 == 0)
            probes[i].job.done = submit_another;
    }
    for (unsigned i = 0; i < COUNT_OF(probes); i += 2)
        probe_submit(nested_pool, &probes[i]);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(nested_pool));
    ck_assert_uint_eq(tt_pool_drain(nested_pool, PROBE_PATIENCE_US, NULL, 0), 0);
    for (unsigned i = 0; i < COUNT_OF(probes); i++)
        probe_assert_ended(&probes[i], TT_DONE);
    probe_end(wake, nested_pool);
}
END_TEST

START_TEST(destroy_cancels_what_has_not_run) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = inline_pool(wake, 10);
    struct probe probes[3];
    for (unsigned i = 0; i < 3; i++)
        probe_start(pool, &probes[i], NULL);
    tt_pool_destroy(pool);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(probes[i].done_count, 1);
        ck_assert_uint_eq(probes[i].release_count, 1);
    }
    tt_wake_destroy(wake);
}
END_TEST

static enum tt_outcome give_itself_up(struct tt_job *job, void *state) {
    (void)state;
    ck_assert_int_eq(tt_job_abandon(job), TT_OK);
    return TT_DONE;
}

START_TEST(destroy_releases_a_job_that_gave_itself_up) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = inline_pool(wake, 10);
    struct probe probe;
    probe_init(&probe, NULL);
    probe.job.run = give_itself_up;
    probe_submit(pool, &probe);
    (void)tt_wake_dispatch(wake, 1); /* done has been called, release waits for the next turn */
    ck_assert(!tt_pool_is_idle(pool));
    tt_pool_destroy(pool);
    ck_assert_uint_eq(probe.done_count, 1);
    ck_assert_uint_eq(probe.release_count, 1);
    tt_wake_destroy(wake);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("inline");
    TCase *tests = tcase_create("inline");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, queue_limit_close_and_cancel_work_as_with_threads);
    tcase_add_test(tests, inline_pool_cannot_be_resized_nor_a_threaded_one_to_none);
    tcase_add_test(tests, hooks_run_once_and_a_failing_start_hook_refuses_the_pool);
    tcase_add_test(tests, jobs_run_inside_dispatch_on_the_loop_in_their_order);
    tcase_add_test(tests, cap_of_a_turn_holds);
    tcase_add_test(tests, done_may_submit_and_limits_and_drain_work);
    tcase_add_test(tests, destroy_cancels_what_has_not_run);
    tcase_add_test(tests, destroy_releases_a_job_that_gave_itself_up);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
