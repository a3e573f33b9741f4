/* The test kit: waiting, the clock, parked pools, leaks. tests/pool/check_faults.c has its faults. */
#include "probe.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <tothread/testing.h>
#include <unistd.h>

#define SECOND_US UINT64_C(1000000)
#define START_US  (5000 * SECOND_US)

/* -- waiting -- */

START_TEST(await_gives_the_outcome_of_a_job) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct probe probe;
    probe_init(&probe, NULL);
    probe.says = TT_FAILED;
    probe_submit(pool, &probe);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 20 * SECOND_US), TT_FAILED);
    probe_assert_ended(&probe, TT_FAILED);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 0), TT_FAILED); /* has ended */
    probe_init(&probe, NULL);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 0), TT_NONE); /* was never submitted */
    probe_end(wake, pool);
}
END_TEST

static void free_job(struct tt_job *job) {
    free(PROBE_OF(job));
}

START_TEST(job_that_frees_itself_in_release_can_be_awaited) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct probe *probe = malloc(sizeof *probe);
    probe_init(probe, NULL);
    probe->job.release = free_job;
    probe_submit(pool, probe);
    ck_assert_int_eq(tt_test_await_job(wake, &probe->job, 20 * SECOND_US), TT_DONE);
    probe_end(wake, pool);
}
END_TEST

START_TEST(await_ends_with_its_time_and_leaves_the_job_alone) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    probe_start(pool, &probe, &gate);
    uint64_t began_us = tti_clock_now_us();
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 20000), TT_NONE);
    ck_assert_uint_ge(tti_clock_now_us() - began_us, 20000);
    gate_open(&gate, 1);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 20 * SECOND_US), TT_DONE);
    gate_await(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(zombie_has_its_outcome_at_once) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    probe_start(pool, &probe, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_abandon(&probe.job), TT_OK);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 20 * SECOND_US), TT_ABANDONED);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 20 * SECOND_US), TT_ABANDONED);
    ck_assert_uint_eq(probe.release_count, 0);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static bool has_done(void *argument) {
    const struct probe *probe = argument;
    return probe->done_count == 1;
}

START_TEST(loop_that_never_prepares_still_hears_of_jobs_afterwards) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct probe probes[2];
    (void)tt_wake_dispatch(wake, 1);
    probe_start(pool, &probes[0], NULL);
    ck_assert(tt_test_run_until(wake, has_done, &probes[0], 20 * SECOND_US));
    probe_start(pool, &probes[1], NULL);
    tt_wake_flush(wake);
    struct pollfd polled = {.fd = tt_wake_fd(wake), .events = POLLIN};
    ck_assert_int_eq(poll(&polled, 1, 20000), 1);
    (void)tt_wake_dispatch(wake, 10);
    probe_assert_ended(&probes[1], TT_DONE);
    probe_end(wake, pool);
}
END_TEST

/* -- the clock -- */

static bool is_stopped(void *argument) {
    const struct tt_timer *timer = argument;
    return timer->prev == NULL;
}

static uint64_t fired_us;

static void on_timer(struct tt_timer *timer) {
    (void)timer;
    fired_us = tti_clock_now_us();
}

static uint64_t real_us(void) {
    return tti_clock_read_us(CLOCK_MONOTONIC);
}

START_TEST(frozen_clock_moves_only_when_told) {
    tt_test_clock_freeze(START_US);
    ck_assert_uint_eq(tt_wake_clock_us(), START_US);
    tt_test_clock_advance(7);
    ck_assert_uint_eq(tt_wake_clock_us(), START_US + 7);
    struct tt_wake *wake = probe_wake();
    ck_assert_uint_eq(tt_wake_now_us(wake), START_US + 7);
    tt_wake_destroy(wake);
    tt_test_clock_thaw();
    uint64_t now_us = real_us();
    ck_assert_uint_ge(tt_wake_clock_us(), now_us);
    ck_assert_uint_lt(tt_wake_clock_us(), now_us + 60 * SECOND_US);
    tt_test_clock_advance(1000000 * SECOND_US); /* not frozen */
    ck_assert_uint_lt(tt_wake_clock_us(), now_us + 60 * SECOND_US);
    tt_test_clock_freeze(0);
    ck_assert_uint_ge(tt_wake_clock_us(), now_us);
    ck_assert_uint_eq(tt_wake_clock_us(), tt_wake_clock_us());
    tt_test_reset();
}
END_TEST

START_TEST(timer_of_a_day_fires_at_once_and_in_time) {
    tt_test_clock_freeze(START_US);
    struct tt_wake *wake = probe_wake();
    struct tt_timer timer = {0};
    uint64_t began_us = real_us();
    tt_timer_start(wake, &timer, 86400 * SECOND_US, on_timer);
    ck_assert(tt_test_run_until(wake, is_stopped, &timer, 100000 * SECOND_US));
    ck_assert_uint_ge(fired_us, START_US + 86400 * SECOND_US);
    ck_assert_uint_le(fired_us, START_US + 86400 * SECOND_US + 2000);
    ck_assert_uint_lt(real_us() - began_us, 20 * SECOND_US);
    tt_timer_start(wake, &timer, 50 * SECOND_US, on_timer); /* but not beyond the time that is allowed */
    uint64_t now_us = tt_wake_clock_us();
    ck_assert(!tt_test_run_until(wake, is_stopped, &timer, 49 * SECOND_US));
    ck_assert_uint_eq(tt_wake_clock_us(), now_us + 49 * SECOND_US);
    tt_timer_stop(wake, &timer);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(with_nothing_to_wait_for_the_time_is_over_at_once) {
    tt_test_clock_freeze(START_US);
    struct tt_wake *wake = probe_wake();
    struct tt_timer timer = {.prev = &timer}; /* never stops */
    uint64_t began_us = real_us();
    ck_assert(!tt_test_run_until(wake, is_stopped, &timer, 3600 * SECOND_US));
    ck_assert_uint_eq(tt_wake_clock_us(), START_US + 3600 * SECOND_US);
    ck_assert_uint_lt(real_us() - began_us, 20 * SECOND_US);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(queue_timeout_of_30_s_takes_no_time) {
    tt_test_clock_freeze(START_US);
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 4, 0);
    struct probe probe;
    uint64_t began_us = real_us();
    ck_assert_int_eq(tt_test_park(pool), TT_OK);
    probe_init(&probe, NULL);
    probe.job.queue_timeout_us = 30 * SECOND_US;
    probe_submit(pool, &probe);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 60 * SECOND_US), TT_EXPIRED_QUEUE);
    ck_assert_uint_ge(probe.job.queue_us, 30 * SECOND_US);
    ck_assert_uint_le(probe.job.queue_us, 30 * SECOND_US + 2000);
    ck_assert_uint_lt(real_us() - began_us, 20 * SECOND_US);
    probe_end(wake, pool);
}
END_TEST

START_TEST(running_job_holds_the_clock_until_the_test_moves_it) {
    tt_test_clock_freeze(START_US);
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 4, 1);
    struct gate gate;
    struct probe probe;
    struct probe second;
    gate_init(&gate);
    probe_init(&probe, &gate);
    probe.job.run_timeout_us = 30 * SECOND_US;
    probe_submit(pool, &probe);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 20000), TT_NONE); /* of the real clock */
    ck_assert_uint_eq(tt_wake_clock_us(), START_US);
    gate_await(&gate, 1);
    tt_test_clock_advance(31 * SECOND_US);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 20 * SECOND_US), TT_EXPIRED_RUN);
    /* A zombie holds no timer back: those of others come as ever. */
    ck_assert_int_eq(tt_test_park(pool), TT_OK);
    probe_init(&second, NULL);
    second.job.queue_timeout_us = 5 * SECOND_US;
    probe_submit(pool, &second);
    ck_assert_int_eq(tt_test_await_job(wake, &second.job, 60 * SECOND_US), TT_EXPIRED_QUEUE);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static bool is_released(void *argument) {
    struct probe *probe = argument;
    return atomic_load(&probe->release_count) == 1;
}

START_TEST(zombie_alone_is_waited_for_in_real_time) {
    tt_test_clock_freeze(START_US);
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 4, 0);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    probe_start(pool, &probe, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_abandon(&probe.job), TT_OK);
    ck_assert(!tt_test_run_until(wake, is_released, &probe, 10000));
    gate_open(&gate, 1);
    ck_assert(tt_test_run_until(wake, is_released, &probe, 20 * SECOND_US));
    ck_assert_uint_eq(tt_wake_clock_us(), START_US);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static enum tt_outcome run_an_hour(struct tt_job *job, void *worker_state) {
    (void)job;
    (void)worker_state;
    tt_test_clock_advance(3600 * SECOND_US);
    return TT_DONE;
}

START_TEST(job_may_move_the_clock_and_is_charged_with_it) {
    tt_test_clock_freeze(START_US);
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 4, 0);
    struct probe probe;
    probe_init(&probe, NULL);
    probe.job.run = run_an_hour;
    probe_submit(pool, &probe);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, 7200 * SECOND_US), TT_DONE);
    ck_assert_uint_eq(probe.job.run_us, 3600 * SECOND_US);
    ck_assert_uint_eq(probe.job.queue_us, 0);
    probe_end(wake, pool);
}
END_TEST

static sem_t about_to_sleep;

static void *advance_later(void *argument) {
    (void)argument;
    gate_wait(&about_to_sleep, "the loop");
    tt_test_clock_advance(40 * SECOND_US);
    return NULL;
}

static bool say_so(void *argument) {
    (void)sem_post(&about_to_sleep);
    return is_stopped(argument);
}

START_TEST(loop_that_sleeps_looks_again_when_another_thread_moves_the_clock) {
    tt_test_clock_freeze(START_US);
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 4, 0);
    struct gate gate;
    struct probe probe;
    struct tt_timer timer = {0};
    pthread_t thread;
    gate_init(&gate);
    ck_assert_int_eq(sem_init(&about_to_sleep, 0, 0), 0);
    probe_start(pool, &probe, &gate); /* holds the clock */
    tt_timer_start(wake, &timer, 30 * SECOND_US, on_timer);
    ck_assert_int_eq(pthread_create(&thread, NULL, advance_later, NULL), 0);
    ck_assert(tt_test_run_until(wake, say_so, &timer, 60 * SECOND_US));
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(fired_us, START_US + 40 * SECOND_US);
    gate_open(&gate, 1);
    gate_await(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/* -- parked pools -- */

START_TEST(parked_pool_starts_jobs_one_by_one_in_their_order) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 3, 10, 0);
    struct probe probes[5];
    ck_assert_int_eq(tt_test_park(pool), TT_OK);
    for (unsigned i = 0; i < COUNT_OF(probes); i++)
        probe_start(pool, &probes[i], NULL);
    ck_assert_int_eq(tt_test_await_job(wake, &probes[0].job, 20000), TT_NONE);
    for (unsigned i = 0; i < 3; i++) {
        tt_test_step(pool, 1);
        ck_assert_int_eq(tt_test_await_job(wake, &probes[i].job, 20 * SECOND_US), TT_DONE);
        ck_assert_uint_eq(probe_snapshot(pool).queue_depth, 4 - i);
        ck_assert_uint_eq(probes[i + 1].run_count, 0);
    }
    tt_test_step(pool, 1);
    tt_test_step(pool, 1); /* adds up */
    ck_assert_int_eq(tt_test_await_job(wake, &probes[3].job, 20 * SECOND_US), TT_DONE);
    ck_assert_int_eq(tt_test_await_job(wake, &probes[4].job, 20 * SECOND_US), TT_DONE);
    probe_end(wake, pool);
}
END_TEST

START_TEST(steps_wait_for_jobs_and_unpark_forgets_them) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 0);
    struct probe probes[4];
    tt_test_step(pool, 5); /* not parked: nothing */
    ck_assert_int_eq(tt_test_park(pool), TT_OK);
    tt_test_step(pool, 2);
    for (unsigned i = 0; i < 3; i++)
        probe_start(pool, &probes[i], NULL);
    ck_assert_int_eq(tt_test_await_job(wake, &probes[0].job, 20 * SECOND_US), TT_DONE);
    ck_assert_int_eq(tt_test_await_job(wake, &probes[1].job, 20 * SECOND_US), TT_DONE);
    ck_assert_int_eq(tt_test_await_job(wake, &probes[2].job, 10000), TT_NONE);
    tt_test_unpark(pool);
    ck_assert_int_eq(tt_test_await_job(wake, &probes[2].job, 20 * SECOND_US), TT_DONE);
    tt_test_unpark(pool);
    ck_assert_int_eq(tt_test_park(pool), TT_OK);
    probe_start(pool, &probes[3], NULL);
    ck_assert_int_eq(tt_test_await_job(wake, &probes[3].job, 10000), TT_NONE);
    tt_pool_destroy(pool); /* parked as it is */
    probe_assert_ended(&probes[3], TT_CANCELLED);
    ck_assert_uint_eq(probes[3].run_count, 0);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(inline_pool_cannot_be_parked) {
    struct tt_wake *wake = probe_wake();
    const struct tt_pool_options options = {.name = "inline", .queue_limit = 1};
    struct tt_pool *pool = probe_pool_with(wake, &options);
    struct probe probe;
    ck_assert_int_eq(tt_test_park(pool), TT_INVALID);
    tt_test_clock_freeze(0);
    probe_start(pool, &probe, NULL);
    ck_assert_int_eq(tt_test_await_job(wake, &probe.job, SECOND_US), TT_DONE);
    probe_end(wake, pool);
}
END_TEST

/* -- leaks -- */

static char text[4096];

START_TEST(what_is_left_behind_is_listed) {
    struct tt_test_mark mark;
    struct tt_wake *warm = probe_wake(); /* a sanitizer's own thread may come with the first one */
    probe_end(warm, probe_pool(warm, 1, 1, 0));
    tt_test_begin(&mark);
    ck_assert(tt_test_end(&mark, text, sizeof text));
    ck_assert_str_eq(text, "");
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 4, 0);
    struct gate gate;
    struct probe probes[2];
    gate_init(&gate);
    probe_start(pool, &probes[0], &gate);
    probe_start(pool, &probes[1], NULL);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    ck_assert(!tt_test_end(&mark, text, sizeof text));
    char line[128];
    (void)snprintf(line, sizeof line, "descriptor %d (/dev/null) is open\n", file);
    ck_assert_ptr_nonnull(strstr(text, "1 wake(s) not destroyed\n"));
    ck_assert_ptr_nonnull(strstr(text, "pool \"test\" not destroyed, 2 job(s) inside\n"));
    ck_assert_ptr_nonnull(strstr(text, " (test-1) runs\n"));
    ck_assert_ptr_nonnull(strstr(text, line));
    ck_assert_ptr_nonnull(strstr(text, " (pipe:["));
    mark.thread_count++; /* is not waited for again */
    memset(line, 'x', sizeof line);
    ck_assert(!tt_test_end(&mark, line, 20)); /* cut */
    ck_assert_str_eq(line, "1 wake(s) not destr");
    ck_assert_int_eq(line[20], 'x');
    ck_assert(!tt_test_end(&mark, NULL, 0));
    gate_open(&gate, 1);
    probe_end(wake, pool);
    ck_assert_int_eq(close(file), 0);
    mark.thread_count--;
    ck_assert_msg(tt_test_end(&mark, text, sizeof text), "%s", text);
    gate_deinit(&gate);
}
END_TEST

static void *pass_gate(void *argument) {
    gate_pass(argument);
    return NULL;
}

START_TEST(thread_that_is_ending_is_waited_for) {
    struct tt_test_mark mark;
    struct gate gate;
    pthread_t thread;
    gate_init(&gate);
    ck_assert_int_eq(pthread_create(&thread, NULL, pass_gate, &gate), 0);
    gate_open(&gate, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    tt_test_begin(&mark);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, pass_gate, &gate), 0);
        ck_assert_int_eq(pthread_detach(thread), 0);
    }
    gate_open(&gate, 50);
    ck_assert_msg(tt_test_end(&mark, text, sizeof text), "%s", text);
}
END_TEST

START_TEST(as_many_descriptors_as_before_are_no_leak) {
    struct tt_test_mark mark;
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    tt_test_begin(&mark);
    int after = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    ck_assert(!tt_test_end(&mark, text, sizeof text));
    ck_assert_ptr_null(strstr(text, "/dev/null"));
    ck_assert_ptr_nonnull(strstr(text, "/dev/zero"));
    ck_assert_int_eq(close(before), 0);
    ck_assert(tt_test_end(&mark, text, sizeof text));
    ck_assert_int_eq(close(after), 0);
}
END_TEST

START_TEST(wakes_may_end_in_any_order_and_each_sees_the_clock_move) {
    struct tt_test_mark mark;
    struct tt_wake *wakes[3];
    tt_test_begin(&mark);
    for (unsigned i = 0; i < 3; i++)
        wakes[i] = probe_wake();
    tt_wake_destroy(wakes[1]);
    (void)tt_wake_prepare(wakes[0]);
    (void)tt_wake_prepare(wakes[2]);
    tt_test_clock_freeze(0);
    for (unsigned i = 0; i < 3; i += 2) {
        struct pollfd polled = {.fd = tt_wake_fd(wakes[i]), .events = POLLIN};
        ck_assert_int_eq(poll(&polled, 1, 0), 1);
    }
    tt_wake_destroy(wakes[0]);
    tt_wake_destroy(wakes[2]);
    ck_assert_msg(tt_test_end(&mark, text, sizeof text), "%s", text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("testing");
    TCase *waiting = tcase_create("waiting");
    suite_add_tcase(suite, waiting);
    tcase_add_test(waiting, await_gives_the_outcome_of_a_job);
    tcase_add_test(waiting, job_that_frees_itself_in_release_can_be_awaited);
    tcase_add_test(waiting, await_ends_with_its_time_and_leaves_the_job_alone);
    tcase_add_test(waiting, zombie_has_its_outcome_at_once);
    tcase_add_test(waiting, loop_that_never_prepares_still_hears_of_jobs_afterwards);
    TCase *clock = tcase_create("clock");
    suite_add_tcase(suite, clock);
    tcase_add_test(clock, frozen_clock_moves_only_when_told);
    tcase_add_test(clock, timer_of_a_day_fires_at_once_and_in_time);
    tcase_add_test(clock, with_nothing_to_wait_for_the_time_is_over_at_once);
    tcase_add_test(clock, queue_timeout_of_30_s_takes_no_time);
    tcase_add_test(clock, running_job_holds_the_clock_until_the_test_moves_it);
    tcase_add_test(clock, zombie_alone_is_waited_for_in_real_time);
    tcase_add_test(clock, job_may_move_the_clock_and_is_charged_with_it);
    tcase_add_test(clock, loop_that_sleeps_looks_again_when_another_thread_moves_the_clock);
    TCase *parked = tcase_create("parked");
    suite_add_tcase(suite, parked);
    tcase_add_test(parked, parked_pool_starts_jobs_one_by_one_in_their_order);
    tcase_add_test(parked, steps_wait_for_jobs_and_unpark_forgets_them);
    tcase_add_test(parked, inline_pool_cannot_be_parked);
    TCase *leaks = tcase_create("leaks");
    suite_add_tcase(suite, leaks);
    tcase_add_test(leaks, what_is_left_behind_is_listed);
    tcase_add_test(leaks, thread_that_is_ending_is_waited_for);
    tcase_add_test(leaks, as_many_descriptors_as_before_are_no_leak);
    tcase_add_test(leaks, wakes_may_end_in_any_order_and_each_sees_the_clock_move);
    return probe_main(suite);
}
