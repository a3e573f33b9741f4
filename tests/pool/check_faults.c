/* Faults to order: each switch provokes what it says, once or so often, and what the library does about it. */
#include "probe.h"

#include "pool/fault.h"
#include <tothread/context.h>
#include <tothread/testing.h>

#define SECOND_US UINT64_C(1000000)

static struct tt_test_mark mark;
static char text[4096];

/** Sanitizers start a thread of their own with the first one of the program. */
static void begin(void) {
    struct tt_wake *wake = probe_wake();
    probe_end(wake, probe_pool(wake, 1, 1, 0));
    tt_test_begin(&mark);
}

static void end(void) {
    ck_assert_msg(tt_test_end(&mark, text, sizeof text), "%s", text);
}

START_TEST(wake_is_refused_at_each_allocation_and_nothing_is_left) {
    struct tt_wake *wake = NULL;
    unsigned nth = 0;
    begin();
    while (wake == NULL) {
        struct tt_error error = {0};
        tt_test_fail_allocation(++nth);
        wake = tt_wake_create(&error);
        ck_assert_int_eq(error.status, wake == NULL ? TT_NOMEM : TT_OK);
        ck_assert(wake == NULL || error.text[0] == '\0');
        if (wake == NULL)
            end();
    }
    ck_assert_uint_eq(nth, 3); /* the wake and its lock */
    tt_test_reset();
    tt_wake_destroy(wake);
    end();
}
END_TEST

START_TEST(pool_is_refused_at_each_allocation_and_nothing_is_left) {
    const uint32_t worker_count = _i == 0 ? 0 : 3;
    const struct tt_pool_options options = {.name = "poor", .worker_count = worker_count, .queue_limit = 4};
    struct tt_pool *pool = NULL;
    unsigned nth = 0;
    begin();
    struct tt_wake *wake = probe_wake();
    struct tt_test_mark with_wake;
    tt_test_begin(&with_wake);
    while (pool == NULL) {
        struct tt_error error = {0};
        tt_test_fail_allocation(++nth);
        pool = tt_pool_create(wake, &options, &error);
        ck_assert_int_eq(error.status, pool == NULL ? TT_NOMEM : TT_OK);
        if (pool == NULL)
            ck_assert_msg(tt_test_end(&with_wake, text, sizeof text), "%s", text);
    }
    ck_assert_uint_eq(nth, 2 + 2 * (worker_count == 0 ? 1 : worker_count) + 1); /* pool and workers, each with a lock */
    tt_test_reset();
    struct probe probe;
    probe_start(pool, &probe, NULL);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 20 * SECOND_US), TT_DONE);
    probe_end(wake, pool);
    end();
}
END_TEST

START_TEST(context_is_refused_without_memory) {
    const struct tt_context_values values = {.tenant = "acme"};
    tt_test_fail_allocation(1);
    ck_assert_ptr_null(tt_context_create(&values, NULL));
    struct tt_context *context = tt_context_create(&values, NULL);
    ck_assert_ptr_nonnull(context);
    tt_context_release(context);
}
END_TEST

START_TEST(allocations_before_and_after_the_nth_succeed) {
    const struct tt_context_values values = {.tenant = "acme"};
    tt_test_fail_allocation(3);
    for (unsigned i = 1; i <= 6; i++) {
        struct tt_context *context = tt_context_create(&values, NULL);
        ck_assert_int_eq(context == NULL, i == 3);
        tt_context_release(context);
    }
}
END_TEST

START_TEST(pool_is_refused_when_any_of_its_threads_cannot_start) {
    const struct tt_pool_options options = {.name = "poor", .worker_count = 2, .queue_limit = 4};
    struct tt_error error = {0};
    begin();
    struct tt_wake *wake = probe_wake();
    tt_test_fail_thread_starts(2);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_ptr_null(tt_pool_create(wake, &options, &error));
        ck_assert_int_eq(error.status, TT_SYSTEM);
        ck_assert_int_eq(error.sys_errno, EAGAIN);
    }
    struct tt_pool *pool = probe_pool_with(wake, &options); /* twice, no more */
    tt_test_fail_thread_starts(1);
    ck_assert_int_eq(tt_pool_resize(pool, 3), TT_SYSTEM);
    ck_assert_int_eq(tt_pool_resize(pool, 3), TT_OK);
    tt_test_fail_thread_starts(5);
    tt_test_fail_thread_starts(0); /* off */
    ck_assert_int_eq(tt_pool_resize(pool, 4), TT_OK);
    probe_end(wake, pool);
    end();
}
END_TEST

START_TEST(full_pipe_swallows_bytes_and_the_loop_finds_the_job_anyway) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 4, 0);
    struct probe probe;
    tt_test_fill_pipe(1);
    probe_start(pool, &probe, NULL);
    (void)tt_wake_prepare(wake);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).busy_count == 0 && probe.run_count == 1);
    struct pollfd polled = {.fd = tt_wake_fd(wake), .events = POLLIN};
    PROBE_YIELD_UNTIL(atomic_load(&tti_faults.pipe_is_full) == 0);
    ck_assert_int_eq(poll(&polled, 1, 0), 0); /* no byte has come */
    PROBE_TURN_UNTIL(wake, probe.done_count == 1);
    probe_end(wake, pool);
}
END_TEST

static unsigned fire_count;

static void on_timer(struct tt_timer *timer) {
    (void)timer;
    fire_count++;
}

START_TEST(clock_that_jumps_ahead_fires_timers_late_but_once) {
    struct tt_wake *wake = probe_wake();
    struct tt_timer timers[3] = {0};
    uint64_t before_us = tt_wake_clock_us();
    for (unsigned i = 0; i < 3; i++)
        tt_timer_start(wake, &timers[i], (i + 1) * 1000 * SECOND_US, on_timer);
    tt_test_clock_jump(1500 * (int64_t)SECOND_US);
    tt_test_clock_jump(700 * (int64_t)SECOND_US); /* adds up */
    ck_assert_uint_ge(tt_wake_clock_us(), before_us + 2200 * SECOND_US);
    (void)tt_wake_dispatch(wake, 1);
    ck_assert_uint_eq(fire_count, 2);
    ck_assert_ptr_nonnull(timers[2].prev);
    tt_timer_stop(wake, &timers[2]);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(clock_that_jumps_back_makes_timers_late_and_breaks_nothing) {
    tt_test_clock_jump(1000 * (int64_t)SECOND_US);
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 4, 0);
    struct tt_timer timer = {0};
    struct probe probe;
    tt_timer_start(wake, &timer, SECOND_US, on_timer);
    tt_test_clock_jump(-500 * (int64_t)SECOND_US);
    probe_init(&probe, NULL);
    probe.job.queue_timeout_us = 100 * SECOND_US;
    probe_submit(pool, &probe);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 20 * SECOND_US), TT_DONE);
    ck_assert_uint_eq(fire_count, 0);
    tt_test_clock_jump(502 * (int64_t)SECOND_US);
    (void)tt_wake_dispatch(wake, 1);
    ck_assert_uint_eq(fire_count, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(reset_turns_all_off) {
    tt_test_fail_thread_starts(UINT32_MAX);
    tt_test_fill_pipe(UINT32_MAX);
    tt_test_fail_allocation(UINT32_MAX);
    tt_test_clock_jump(1000 * (int64_t)SECOND_US);
    ck_assert_int_eq(atomic_load(&tti_faults.thread_starts_fail), INT32_MAX);
    tt_test_clock_freeze(1);
    tt_test_reset();
    ck_assert_int_eq(atomic_load(&tti_faults.thread_starts_fail), 0);
    ck_assert_int_eq(atomic_load(&tti_faults.pipe_is_full), 0);
    ck_assert_int_eq(atomic_load(&tti_faults.allocation_fails), 0);
    uint64_t real_us = tti_clock_read_us(CLOCK_MONOTONIC);
    ck_assert_uint_lt(tt_wake_clock_us() - real_us, 100 * SECOND_US);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("faults");
    TCase *tests = tcase_create("faults");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, wake_is_refused_at_each_allocation_and_nothing_is_left);
    tcase_add_loop_test(tests, pool_is_refused_at_each_allocation_and_nothing_is_left, 0, 2);
    tcase_add_test(tests, context_is_refused_without_memory);
    tcase_add_test(tests, allocations_before_and_after_the_nth_succeed);
    tcase_add_test(tests, pool_is_refused_when_any_of_its_threads_cannot_start);
    tcase_add_test(tests, full_pipe_swallows_bytes_and_the_loop_finds_the_job_anyway);
    tcase_add_test(tests, clock_that_jumps_ahead_fires_timers_late_but_once);
    tcase_add_test(tests, clock_that_jumps_back_makes_timers_late_and_breaks_nothing);
    tcase_add_test(tests, reset_turns_all_off);
    return probe_main(suite);
}
