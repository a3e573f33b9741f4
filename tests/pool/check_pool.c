/* The pool: what it takes and refuses, how it grows and shrinks. */
#include "probe.h"

static void refuse(const struct tt_pool_options *options, const char *reason) {
    struct tt_wake *wake = probe_wake();
    struct tt_error error = {0};
    ck_assert_ptr_null(tt_pool_create(wake, options, &error));
    ck_assert_int_eq(error.status, TT_INVALID);
    ck_assert_msg(strstr(error.text, reason) != NULL, "\"%s\" doesn't say \"%s\"", error.text, reason);
    ck_assert_ptr_null(tt_pool_create(wake, options, NULL)); /* the reason is optional */
    tt_wake_destroy(wake);
}

START_TEST(options_out_of_range_are_refused_each_with_its_reason) {
    struct tt_pool_options good = {.name = "x", .worker_count = 1, .queue_limit = 1};
    struct tt_pool_options options = good;
    options.name = NULL;
    refuse(&options, "name");
    options.name = "";
    refuse(&options, "name");
    options.name = "0123456789012345678901234567890123";
    refuse(&options, "name");
    options = good;
    options.worker_count = TT_POOL_WORKERS_MAX + 1;
    refuse(&options, "workers");
    options = good;
    options.queue_limit = 0;
    refuse(&options, "queue");
    options = good;
    options.spare_count = UINT32_MAX;
    refuse(&options, "spare");
    options = good;
    options.stack_bytes = 1000;
    refuse(&options, "stack");
}
END_TEST

START_TEST(full_queue_refuses_the_newest) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 3, 0);
    struct gate gate;
    struct probe probes[6];
    gate_init(&gate);
    for (unsigned i = 0; i < 5; i++) /* two run, three wait */
        probe_start(pool, &probes[i], &gate);
    probe_init(&probes[5], &gate);
    ck_assert_int_eq(tt_pool_submit(pool, &probes[5].job), TT_FULL);
    tt_wake_flush(wake);
    gate_await(&gate, 2);
    ck_assert_int_eq(tt_pool_submit(pool, &probes[5].job), TT_FULL);
    ck_assert_uint_eq(probe_snapshot(pool).refused_full, 2);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, probe_snapshot(pool).done == 1);
    probe_submit(pool, &probes[5]); /* one has gone: there is room for one */
    gate_open(&gate, 5);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < 6; i++)
        probe_assert_ended(&probes[i], TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(closed_pool_refuses_and_finishes_what_it_has) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 3, 0);
    struct probe accepted;
    struct probe refused;
    probe_start(pool, &accepted, NULL);
    tt_pool_close(pool);
    ck_assert(!tt_pool_is_idle(pool));
    ck_assert(probe_snapshot(pool).is_closed);
    probe_init(&refused, NULL);
    ck_assert_int_eq(tt_pool_submit(pool, &refused.job), TT_CLOSED);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&accepted, TT_DONE);
    ck_assert_uint_eq(refused.done_count, 0);
    ck_assert_uint_eq(refused.run_count, 0);
    ck_assert_uint_eq(probe_snapshot(pool).refused_closed, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(invalid_jobs_are_refused_and_not_counted) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 1);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    probe_init(&probe, &gate);
    probe.job.run = NULL;
    ck_assert_int_eq(tt_pool_submit(pool, &probe.job), TT_INVALID);
    probe_init(&probe, &gate);
    probe.job.priority = (enum tt_priority)TT_PRIORITY_COUNT;
    ck_assert_int_eq(tt_pool_submit(pool, &probe.job), TT_INVALID);
    probe_init(&probe, &gate);
    probe.job.release = NULL;
    probe.job.run_timeout_us = 1;
    ck_assert_int_eq(tt_pool_submit(pool, &probe.job), TT_INVALID);
    probe.job.run_timeout_us = 0;
    probe.job.deadline_us = 1;
    ck_assert_int_eq(tt_pool_submit(pool, &probe.job), TT_INVALID);
    ck_assert_uint_eq(probe_snapshot(pool).submitted, 0);
    probe_start(pool, &probe, &gate);
    ck_assert_int_eq(tt_pool_submit(pool, &probe.job), TT_INVALID); /* waiting */
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_pool_submit(pool, &probe.job), TT_INVALID); /* running */
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(probe_snapshot(pool).submitted, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(done_is_never_called_inside_submit_and_comes_once) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 1000, 0);
    static struct probe probes[1000];
    uint32_t dones = 0;
    for (unsigned i = 0; i < COUNT_OF(probes); i++) {
        probe_init(&probes[i], NULL);
        probes[i].dones = &dones;
        probe_submit(pool, &probes[i]);
        tt_wake_flush(wake); /* workers are at it at once: done still has to wait for the dispatch */
    }
    ck_assert_uint_eq(dones, 0);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < COUNT_OF(probes); i++) {
        probe_assert_ended(&probes[i], TT_DONE);
        ck_assert_uint_eq(probes[i].run_count, 1);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(outcome_is_what_run_said) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    const enum tt_outcome says[] = {TT_DONE, TT_FAILED, TT_CRASHED, TT_CANCELLED, TT_ABANDONED};
    const enum tt_outcome becomes[] = {TT_DONE, TT_FAILED, TT_CRASHED, TT_FAILED, TT_FAILED}; /* a lie is a failure */
    struct probe probes[COUNT_OF(says)];
    for (unsigned i = 0; i < COUNT_OF(says); i++) {
        probe_init(&probes[i], NULL);
        probes[i].says = says[i];
        probe_submit(pool, &probes[i]);
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < COUNT_OF(says); i++)
        probe_assert_ended(&probes[i], becomes[i]);
    probe_end(wake, pool);
}
END_TEST

static struct tt_pool *again_pool;

static void submit_again(struct tt_job *job) {
    struct probe *probe = PROBE_OF(job);
    ck_assert_int_eq(job->outcome, TT_DONE);
    if (++probe->done_count < 100)
        ck_assert_int_eq(tt_pool_submit(again_pool, job), TT_OK);
}

START_TEST(job_without_release_may_be_submitted_again_in_its_done) {
    struct tt_wake *wake = probe_wake();
    again_pool = probe_pool(wake, 1, 1, 0);
    struct probe probe;
    probe_init(&probe, NULL);
    probe.job.release = NULL;
    probe.job.done = submit_again;
    probe_submit(again_pool, &probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(again_pool));
    ck_assert_uint_eq(probe.done_count, 100);
    ck_assert_uint_eq(probe.run_count, 100);
    probe_end(wake, again_pool);
}
END_TEST

static void free_in_done(struct tt_job *job) {
    free(PROBE_OF(job));
}

START_TEST(job_without_release_may_be_freed_in_its_done) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 100, 0);
    for (unsigned i = 0; i < 100; i++) {
        struct probe *probe = malloc(sizeof *probe);
        ck_assert_ptr_nonnull(probe);
        probe_init(probe, NULL);
        probe->job.release = NULL;
        probe->job.done = free_in_done;
        probe_submit(pool, probe);
        if (i % 2 == 0)
            ck_assert_int_eq(tt_job_cancel(&probe->job), TT_OK);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(resize_out_of_range_is_refused) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    ck_assert_int_eq(tt_pool_resize(pool, 0), TT_INVALID);
    ck_assert_int_eq(tt_pool_resize(pool, TT_POOL_WORKERS_MAX + 1), TT_INVALID);
    ck_assert_int_eq(tt_pool_set_limits(pool, 0, 0, 0), TT_INVALID);
    ck_assert_int_eq(tt_pool_set_limits(pool, 1, TT_POOL_WORKERS_MAX + 1, 0), TT_INVALID);
    ck_assert_uint_eq(probe_snapshot(pool).worker_target, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(resize_up_lets_waiting_jobs_run_at_once) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 20, 0);
    struct gate gate;
    struct probe probes[8];
    gate_init(&gate);
    for (unsigned i = 0; i < 8; i++)
        probe_start(pool, &probes[i], &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_pool_resize(pool, 8), TT_OK);
    gate_await(&gate, 7); /* all eight inside */
    ck_assert_uint_eq(probe_snapshot(pool).busy_count, 8);
    ck_assert_uint_eq(probe_snapshot(pool).thread_count, 8);
    gate_open(&gate, 8);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(resize_down_ends_idle_workers_now_and_busy_ones_afterwards) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 8, 20, 0);
    struct gate gate;
    struct probe probes[10];
    gate_init(&gate);
    for (unsigned i = 0; i < 5; i++)
        probe_start(pool, &probes[i], &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 5);
    ck_assert_int_eq(tt_pool_resize(pool, 2), TT_OK);
    PROBE_TURN_UNTIL(wake, probe_snapshot(pool).thread_count == 5); /* the idle ones have gone */
    ck_assert_uint_eq(probe_snapshot(pool).busy_count, 5);
    for (unsigned i = 5; i < 10; i++)
        probe_start(pool, &probes[i], &gate);
    gate_open(&gate, 3);
    PROBE_TURN_UNTIL(wake, probe_snapshot(pool).thread_count == 2);
    ck_assert_uint_eq(probe_snapshot(pool).busy_count, 2);
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, 5);
    gate_open(&gate, 7);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < 10; i++)
        probe_assert_ended(&probes[i], TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(resize_up_and_down_under_load_loses_no_job) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 5000, 0);
    static struct probe probes[5000];
    for (unsigned i = 0; i < COUNT_OF(probes); i++) {
        probe_start(pool, &probes[i], NULL);
        if (i % 50 == 0) {
            ck_assert_int_eq(tt_pool_resize(pool, 1 + i / 50 * 7 % 13), TT_OK);
            tt_wake_flush(wake);
            (void)tt_wake_dispatch(wake, 10);
        }
    }
    ck_assert_int_eq(tt_pool_resize(pool, 3), TT_OK);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool) && probe_snapshot(pool).thread_count == 3);
    for (unsigned i = 0; i < COUNT_OF(probes); i++)
        probe_assert_ended(&probes[i], TT_DONE);
    probe_end(wake, pool);
}
END_TEST

START_TEST(raised_queue_limit_takes_more) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct probe probes[4];
    probe_start(pool, &probes[0], NULL);
    probe_start(pool, &probes[1], NULL);
    probe_init(&probes[2], NULL);
    probe_init(&probes[3], NULL);
    ck_assert_int_eq(tt_pool_submit(pool, &probes[2].job), TT_FULL);
    ck_assert_int_eq(tt_pool_set_limits(pool, 2, 0, 0), TT_OK);
    probe_submit(pool, &probes[2]);
    ck_assert_int_eq(tt_pool_submit(pool, &probes[3].job), TT_FULL);
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pool");
    TCase *tests = tcase_create("pool");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, options_out_of_range_are_refused_each_with_its_reason);
    tcase_add_test(tests, full_queue_refuses_the_newest);
    tcase_add_test(tests, closed_pool_refuses_and_finishes_what_it_has);
    tcase_add_test(tests, invalid_jobs_are_refused_and_not_counted);
    tcase_add_test(tests, resize_out_of_range_is_refused);
    tcase_add_test(tests, done_is_never_called_inside_submit_and_comes_once);
    tcase_add_test(tests, outcome_is_what_run_said);
    tcase_add_test(tests, job_without_release_may_be_submitted_again_in_its_done);
    tcase_add_test(tests, job_without_release_may_be_freed_in_its_done);
    tcase_add_test(tests, resize_up_lets_waiting_jobs_run_at_once);
    tcase_add_test(tests, resize_down_ends_idle_workers_now_and_busy_ones_afterwards);
    tcase_add_test(tests, resize_up_and_down_under_load_loses_no_job);
    tcase_add_test(tests, raised_queue_limit_takes_more);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
