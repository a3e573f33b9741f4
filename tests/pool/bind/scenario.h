/**
 * Scenario: what every binding must do, tried in a real loop of its kind. A check_<loop>.c defines the five functions
 * below, includes this, and ends with scenario_main.
 *
 * In no test does anything else keep the loop busy: what the binding forgets to hand over or to wake for hangs.
 */
#ifndef TESTS_POOL_BIND_SCENARIO_H
#define TESTS_POOL_BIND_SCENARIO_H

#include "tests/pool/probe.h"

#include <pthread.h>

/* The loop's, for tests in `mode` 0 up to what scenario_main was told. */
static void host_open(struct tt_wake *wake, int mode);
static void host_call(void (*fn)(void)); /* has fn called by the loop itself, once, in its next turn */
static void host_run(void);              /* runs the loop until host_stop */
static void host_stop(void);             /* from a callback */
static void host_close(void);

#define SCENE_JOBS 200u /* more than a binding dispatches in one turn */

static struct scene {
    struct tt_wake *wake;
    struct tt_pool *pool;
    struct gate gate;
    struct probe probes[SCENE_JOBS];
    uint32_t to_come; /* done functions until the loop is stopped */
    struct tt_timer timer;
    struct tt_post post;
    uint64_t began_us;
    uint64_t fired_us;
} scene;

static void scene_open(uint32_t worker_count, int mode) {
    gate_init(&scene.gate);
    scene.wake = probe_wake();
    scene.pool = probe_pool(scene.wake, worker_count, SCENE_JOBS, 0);
    host_open(scene.wake, mode);
    scene.began_us = tti_clock_now_us();
}

static void scene_close(void) {
    host_close();
    probe_end(scene.wake, scene.pool);
    gate_deinit(&scene.gate);
}

static void scene_done(struct tt_job *job) {
    probe_done(job);
    if (--scene.to_come == 0)
        host_stop();
}

static void scene_submit(struct probe *probe, struct gate *gate) {
    probe_init(probe, gate);
    probe->job.done = scene_done;
    probe_submit(scene.pool, probe);
}

static void submit_all(void) {
    for (unsigned i = 0; i < SCENE_JOBS; i++)
        scene_submit(&scene.probes[i], NULL);
}

START_TEST(jobs_that_a_callback_of_the_loop_submits_come_back) {
    scene_open(4, _i);
    scene.to_come = SCENE_JOBS;
    host_call(submit_all);
    host_run();
    for (unsigned i = 0; i < SCENE_JOBS; i++)
        probe_assert_ended(&scene.probes[i], TT_DONE);
    scene_close();
}
END_TEST

START_TEST(jobs_of_a_pool_without_workers_run_on_the_loop) {
    scene_open(0, _i);
    scene.to_come = SCENE_JOBS;
    host_call(submit_all);
    host_run();
    for (unsigned i = 0; i < SCENE_JOBS; i++)
        probe_assert_ended(&scene.probes[i], TT_DONE);
    scene_close();
}
END_TEST

static void submit_the_next(struct tt_job *job) {
    probe_done(job);
    if (--scene.to_come == 0) {
        host_stop();
        return;
    }
    struct probe *next = PROBE_OF(job) + 1;
    probe_init(next, NULL);
    next->job.done = submit_the_next;
    probe_submit(scene.pool, next);
}

static void submit_first(void) {
    probe_init(&scene.probes[0], NULL);
    scene.probes[0].job.done = submit_the_next;
    probe_submit(scene.pool, &scene.probes[0]);
}

START_TEST(done_functions_may_submit_the_next_job) {
    scene_open(1, _i);
    scene.to_come = SCENE_JOBS;
    host_call(submit_first);
    host_run();
    probe_assert_ended(&scene.probes[SCENE_JOBS - 1], TT_DONE);
    scene_close();
}
END_TEST

static void stop_by_timer(struct tt_timer *timer) {
    (void)timer;
    scene.fired_us = tti_clock_now_us();
    host_stop();
}

static void start_timer(void) {
    tt_wake_refresh(scene.wake);
    scene.began_us = tt_wake_now_us(scene.wake);
    tt_timer_start(scene.wake, &scene.timer, 30000, stop_by_timer);
}

START_TEST(timer_alone_ends_the_sleep_and_is_not_early) {
    scene_open(1, _i);
    host_call(start_timer);
    host_run();
    ck_assert_uint_ge(scene.fired_us - scene.began_us, 30000);
    scene_close();
}
END_TEST

static void submit_behind_a_stuck_one(void) {
    scene_submit(&scene.probes[0], &scene.gate);
    probe_init(&scene.probes[1], NULL);
    scene.probes[1].job.done = scene_done;
    scene.probes[1].job.queue_timeout_us = 20000;
    probe_submit(scene.pool, &scene.probes[1]);
}

START_TEST(queue_time_out_comes_while_the_worker_is_stuck) {
    scene_open(1, _i);
    scene.to_come = 1;
    host_call(submit_behind_a_stuck_one);
    host_run();
    probe_assert_ended(&scene.probes[1], TT_EXPIRED_QUEUE);
    ck_assert_uint_eq(scene.probes[0].done_count, 0);
    scene.to_come = 1;
    gate_open(&scene.gate, 1);
    host_run();
    probe_assert_ended(&scene.probes[0], TT_DONE);
    scene_close();
}
END_TEST

static void open_gate(struct tt_timer *timer) {
    (void)timer;
    gate_open(&scene.gate, 1);
}

static void submit_one_for_a_while(void) {
    scene_submit(&scene.probes[0], &scene.gate);
    tt_timer_start(scene.wake, &scene.timer, 300000, open_gate);
}

START_TEST(waiting_costs_no_processor_time) {
    struct timespec before, after;
    scene_open(1, _i);
    scene.to_come = 1;
    host_call(submit_one_for_a_while);
    ck_assert_int_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before), 0);
    host_run();
    ck_assert_int_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after), 0);
    ck_assert_int_lt((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000, 100);
    probe_assert_ended(&scene.probes[0], TT_DONE);
    scene_close();
}
END_TEST

static void stop_by_post(struct tt_post *post) {
    (void)post;
    host_stop();
}

static void *post_it(void *argument) {
    (void)argument;
    scene.post.fn = stop_by_post;
    tt_wake_post(scene.wake, &scene.post);
    return NULL;
}

static pthread_t poster;

static void start_poster(void) {
    ck_assert_int_eq(pthread_create(&poster, NULL, post_it, NULL), 0);
}

START_TEST(posts_of_another_thread_arrive) {
    scene_open(1, _i);
    host_call(start_poster);
    host_run();
    ck_assert_int_eq(pthread_join(poster, NULL), 0);
    scene_close();
}
END_TEST

/** own: tests of this loop alone, or NULL. */
static int scenario_main(const char *name, int mode_count, TCase *own) {
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, jobs_that_a_callback_of_the_loop_submits_come_back, 0, mode_count);
    tcase_add_loop_test(tests, jobs_of_a_pool_without_workers_run_on_the_loop, 0, mode_count);
    tcase_add_loop_test(tests, done_functions_may_submit_the_next_job, 0, mode_count);
    tcase_add_loop_test(tests, timer_alone_ends_the_sleep_and_is_not_early, 0, mode_count);
    tcase_add_loop_test(tests, queue_time_out_comes_while_the_worker_is_stuck, 0, mode_count);
    tcase_add_loop_test(tests, waiting_costs_no_processor_time, 0, mode_count);
    tcase_add_loop_test(tests, posts_of_another_thread_arrive, 0, mode_count);
    suite_add_tcase(suite, tests);
    if (own != NULL)
        suite_add_tcase(suite, own);
    return probe_main(suite);
}

#endif
