/* Stall: what the loop is inside of, seen from another thread. */
#include "probe.h"

#include <pthread.h>
#include <stdio.h>
#include <tothread/stall.h>
#include <tothread/testing.h>
#include <tothread/watch.h>

#define SECOND_US UINT64_C(1000000)

/* Another thread that looks at the loop while a callback stands at the gate. */
static struct {
    struct tt_wake *wake;
    struct gate gate;
    struct tt_stall first;
    struct tt_stall second;
    uint64_t pause_us;
    pthread_t thread;
} lookout;

static void *look_twice(void *argument) {
    (void)argument;
    gate_await(&lookout.gate, 1);
    (void)tt_wake_stall(lookout.wake, &lookout.first);
    tt_test_clock_advance(lookout.pause_us);
    (void)tt_wake_stall(lookout.wake, &lookout.second);
    gate_open(&lookout.gate, 1);
    return NULL;
}

static void lookout_start(struct tt_wake *wake, uint64_t pause_us) {
    gate_init(&lookout.gate);
    lookout.wake = wake;
    lookout.pause_us = pause_us;
    ck_assert_int_eq(pthread_create(&lookout.thread, NULL, look_twice, NULL), 0);
}

static void lookout_join(void) {
    ck_assert_int_eq(pthread_join(lookout.thread, NULL), 0);
    gate_deinit(&lookout.gate);
}

static void expect_second(enum tt_stall_kind kind, void (*fn)(void), const char *name) {
    ck_assert_str_eq(tt_stall_kind_name(lookout.second.kind), tt_stall_kind_name(kind));
    ck_assert_ptr_eq((void *)lookout.second.fn, (void *)fn);
    ck_assert_str_eq(lookout.second.job_name, name);
    ck_assert(!lookout.second.is_over);
}

static void stalling_done(struct tt_job *job) {
    probe_done(job);
    gate_pass(&lookout.gate);
}

static void stalling_release(struct tt_job *job) {
    gate_pass(&lookout.gate);
    probe_release(job);
}

static void stalling_watch(struct tt_watch *watch) {
    (void)watch;
    gate_pass(&lookout.gate);
}

static void stalling_post(struct tt_post *post) {
    (void)post;
    gate_pass(&lookout.gate);
}

static void stalling_timer(struct tt_timer *timer) {
    (void)timer;
    gate_pass(&lookout.gate);
}

static enum tt_outcome stalling_run(struct tt_job *job, void *worker_state) {
    gate_pass(&lookout.gate);
    return probe_run(job, worker_state);
}

static void run_one(struct tt_wake *wake, struct tt_pool *pool, struct probe *probe) {
    probe_submit(pool, probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    lookout_join();
    probe_end(wake, pool);
}

START_TEST(done_that_hangs_is_seen_with_its_name_and_age) {
    tt_test_clock_freeze(1000 * SECOND_US);
    struct tt_wake *wake = probe_wake();
    struct probe probe;
    probe_init(&probe, NULL);
    probe.job.name = "slow-report";
    probe.job.done = stalling_done;
    lookout_start(wake, 700000);
    run_one(wake, probe_pool(wake, 1, 1, 0), &probe);
    expect_second(TT_STALL_DONE, (void (*)(void))stalling_done, "slow-report");
    ck_assert_uint_eq(lookout.first.at_least_us, 0);
    ck_assert_uint_eq(lookout.second.at_least_us, 700000);
    ck_assert_uint_eq(lookout.second.at_most_us, 700000);
}
END_TEST

static void slow_done(struct tt_job *job) {
    probe_done(job);
    tt_test_clock_advance(50000);
}

START_TEST(age_lies_between_the_first_look_and_the_dispatchs_begin) {
    tt_test_clock_freeze(1000 * SECOND_US);
    struct tt_wake *wake = probe_wake();
    const struct tt_pool_options options = {.name = "inline", .queue_limit = 2};
    struct tt_pool *pool = probe_pool_with(wake, &options);
    struct probe probes[2];
    probe_init(&probes[0], NULL);
    probes[0].job.done = slow_done;
    probe_submit(pool, &probes[0]);
    probe_init(&probes[1], NULL);
    probes[1].job.done = stalling_done;
    lookout_start(wake, 300000);
    run_one(wake, pool, &probes[1]);
    expect_second(TT_STALL_DONE, (void (*)(void))stalling_done, "");
    ck_assert_uint_eq(lookout.first.at_most_us, 50000); /* the first job's, of the same dispatch */
    ck_assert_uint_eq(lookout.second.at_least_us, 300000);
    ck_assert_uint_eq(lookout.second.at_most_us, 350000);
}
END_TEST

START_TEST(release_that_hangs_is_seen) {
    struct tt_wake *wake = probe_wake();
    struct probe probe;
    probe_init(&probe, NULL);
    probe.job.name = "freed";
    probe.job.release = stalling_release;
    lookout_start(wake, 0);
    run_one(wake, probe_pool(wake, 1, 1, 0), &probe);
    expect_second(TT_STALL_RELEASE, (void (*)(void))stalling_release, "freed");
}
END_TEST

START_TEST(watch_that_hangs_is_seen_under_its_jobs_name) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct probe probe;
    struct tt_watch watch = {0};
    probe_init(&probe, NULL);
    if (_i % 2 == 0)
        probe.job.release = NULL;
    if (_i / 2 == 0)
        watch.on_done = stalling_watch;
    else
        watch.on_release = stalling_watch;
    probe.job.name = "watched";
    probe_submit(pool, &probe);
    ck_assert_int_eq(tt_watch_start(&watch, &probe.job), TT_OK);
    lookout_start(wake, 0);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    lookout_join();
    probe_end(wake, pool);
    expect_second(TT_STALL_WATCH, (void (*)(void))stalling_watch, "watched");
}
END_TEST

START_TEST(timer_that_hangs_is_seen) {
    struct tt_wake *wake = probe_wake();
    struct tt_timer timer = {0};
    tt_timer_start(wake, &timer, 0, stalling_timer);
    lookout_start(wake, 0);
    PROBE_TURN_UNTIL(wake, timer.prev == NULL);
    lookout_join();
    expect_second(TT_STALL_TIMER, (void (*)(void))stalling_timer, "");
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(post_that_hangs_is_seen) {
    struct tt_wake *wake = probe_wake();
    struct tt_post post = {.fn = stalling_post};
    lookout_start(wake, 0);
    tt_wake_post(wake, &post);
    probe_turn(wake);
    lookout_join();
    expect_second(TT_STALL_POST, (void (*)(void))stalling_post, "");
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(job_of_an_inline_pool_is_seen_running) {
    struct tt_wake *wake = probe_wake();
    const struct tt_pool_options options = {.name = "inline", .queue_limit = 1};
    struct probe probe;
    char name[100];
    memset(name, 'n', sizeof name);
    name[99] = '\0';
    probe_init(&probe, NULL);
    probe.job.name = name;
    probe.job.run = stalling_run;
    lookout_start(wake, 0);
    run_one(wake, probe_pool_with(wake, &options), &probe);
    name[TT_STALL_NAME_MAX - 1] = '\0'; /* cut */
    expect_second(TT_STALL_RUN, (void (*)(void))stalling_run, name);
}
END_TEST

START_TEST(loop_outside_of_callbacks_is_in_none) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct tt_stall stall = {.kind = TT_STALL_DONE, .at_most_us = 1};
    ck_assert(!tt_wake_stall(wake, &stall));
    ck_assert_int_eq(stall.kind, TT_STALL_NONE);
    ck_assert_uint_eq(stall.at_most_us, 0);
    struct probe probe;
    probe_start(pool, &probe, NULL);
    PROBE_TURN_UNTIL(wake, probe.done_count == 1);
    ck_assert(!tt_wake_stall(wake, &stall));
    ck_assert_ptr_null((void *)stall.fn);
    probe_end(wake, pool);
}
END_TEST

START_TEST(kinds_have_names) {
    static const char *const names[] = {"none", "done", "release", "watch", "post", "timer", "run", "unknown"};
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        ck_assert_str_eq(tt_stall_kind_name((enum tt_stall_kind)i), names[i]);
}
END_TEST

struct looker {
    struct tt_wake *wake;
    _Atomic bool is_over;
    uint64_t seen_count;
    uint64_t wrong_count;
};

static void *look_always(void *argument) {
    struct looker *looker = argument;
    struct tt_stall stall;
    while (!atomic_load(&looker->is_over)) {
        if (tt_wake_stall(looker->wake, &stall)) {
            looker->seen_count++;
            looker->wrong_count += strcmp(stall.job_name, "busy") != 0 && stall.job_name[0] != '\0';
            looker->wrong_count += stall.at_least_us > stall.at_most_us;
        }
    }
    return NULL;
}

START_TEST(looks_at_a_busy_loop_are_of_one_piece) {
    struct tt_wake *wake = probe_wake();
    struct looker looker = {.wake = wake};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, look_always, &looker), 0);
    for (int pool_number = 0; pool_number < 20; pool_number++) {
        /* The names go with their pool. */
        char *name = strdup("busy");
        struct tt_pool *pool = probe_pool(wake, 1, 100, 0);
        struct probe probes[100];
        for (unsigned i = 0; i < COUNT_OF(probes); i++) {
            probe_init(&probes[i], NULL);
            probes[i].job.name = name;
            probe_submit(pool, &probes[i]);
        }
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        tt_pool_destroy(pool);
        memset(name, 'x', 4);
        free(name);
    }
    atomic_store(&looker.is_over, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(looker.wrong_count, 0);
    tt_wake_destroy(wake);
}
END_TEST

/* -- the watch's thread -- */

static struct {
    sem_t told;
    _Atomic unsigned begin_count;
    _Atomic unsigned end_count;
    struct tt_stall begin;
    struct tt_stall end;
    tt_done_fn only; /* others aren't counted: a busy machine stalls any callback; NULL: all count */
} reports;

static void on_stall(const struct tt_stall *stall, void *context) {
    ck_assert_ptr_eq(context, &reports);
    if (reports.only != NULL && (tt_done_fn)stall->fn != reports.only)
        return;
    if (stall->is_over) {
        reports.end = *stall;
        atomic_fetch_add(&reports.end_count, 1);
    } else {
        reports.begin = *stall;
        atomic_fetch_add(&reports.begin_count, 1);
    }
    (void)sem_post(&reports.told);
}

static struct tt_stall_watch *watched(struct tt_wake *wake, uint64_t threshold_us) {
    struct tt_error error = {0};
    ck_assert_int_eq(sem_init(&reports.told, 0, 0), 0);
    struct tt_stall_watch *watch = tt_stall_watch_start(wake, threshold_us, on_stall, &reports, &error);
    ck_assert_msg(watch != NULL, "%s", error.text);
    return watch;
}

/** A callback that lasts until it has been reported. */
static void done_until_told(struct tt_job *job) {
    probe_done(job);
    gate_wait(&reports.told, "a report");
    uint64_t told_us = tti_clock_now_us();
    PROBE_YIELD_UNTIL(tti_clock_now_us() - told_us > 20000); /* some more looks, that tell nothing new */
}

START_TEST(watch_tells_a_stall_once_and_its_end) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    reports.only = done_until_told;
    struct tt_stall_watch *watch = watched(wake, 4000);
    for (unsigned round = 1; round <= 3; round++) {
        struct probe probe;
        probe_init(&probe, NULL);
        probe.job.name = "hangs";
        probe.job.done = done_until_told;
        probe_submit(pool, &probe);
        uint64_t began_us = tti_clock_now_us();
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        gate_wait(&reports.told, "the end");
        uint64_t took_us = tti_clock_now_us() - began_us;
        ck_assert_uint_eq(reports.begin_count, round);
        ck_assert_uint_eq(reports.end_count, round);
        ck_assert_int_eq(reports.begin.kind, TT_STALL_DONE);
        ck_assert_str_eq(reports.begin.job_name, "hangs");
        ck_assert_uint_ge(reports.begin.at_least_us, 4000);
        ck_assert_uint_le(reports.begin.at_most_us, took_us);
        ck_assert_ptr_eq((void *)reports.end.fn, (void *)done_until_told);
        ck_assert_uint_ge(reports.end.at_least_us, reports.begin.at_least_us);
        ck_assert_uint_ge(reports.end.at_most_us, reports.end.at_least_us);
        ck_assert_uint_le(reports.end.at_most_us, took_us);
    }
    tt_stall_watch_stop(watch);
    probe_end(wake, pool);
    ck_assert_uint_eq(reports.begin_count, 3);
}
END_TEST

START_TEST(loop_that_works_in_small_steps_is_no_stall) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 100, 0);
    struct tt_stall_watch *watch = watched(wake, SECOND_US * 20);
    uint64_t began_us = tti_clock_now_us();
    while (tti_clock_now_us() - began_us < 50000) {
        struct probe probe;
        probe_start(pool, &probe, NULL);
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    }
    tt_stall_watch_stop(watch);
    probe_end(wake, pool);
    ck_assert_uint_eq(reports.begin_count, 0);
    ck_assert_uint_eq(reports.end_count, 0);
}
END_TEST

static struct tt_stall_watch *own_watch;

static void stop_own_watch(struct tt_post *post) {
    (void)post;
    gate_wait(&reports.told, "a report");
    tt_stall_watch_stop(own_watch);
}

START_TEST(stopped_inside_of_the_stall_the_watch_tells_its_end) {
    struct tt_wake *wake = probe_wake();
    struct tt_post post = {.fn = stop_own_watch};
    own_watch = watched(wake, 1000);
    tt_wake_post(wake, &post);
    probe_turn(wake);
    ck_assert_uint_eq(reports.begin_count, 1);
    ck_assert_uint_eq(reports.end_count, 1);
    ck_assert(reports.end.is_over);
    tt_stall_watch_stop(NULL);
    tt_wake_destroy(wake);
}
END_TEST

/** Context switches of the thread of this name, both kinds; -1: there is none. */
static long switches_of(const char *name) {
    DIR *folder = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(folder);
    long count = -1;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char path[300];
        char line[256];
        bool is_wanted = false;
        long sum = 0;
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            char text[32] = "";
            long number = 0;
            if (sscanf(line, "Name: %31s", text) == 1)
                is_wanted = strcmp(text, name) == 0;
            if (sscanf(line, "voluntary_ctxt_switches: %ld", &number) == 1 ||
                sscanf(line, "nonvoluntary_ctxt_switches: %ld", &number) == 1)
                sum += number;
        }
        if (file != NULL)
            ck_assert_int_eq(fclose(file), 0);
        if (is_wanted)
            count = sum;
    }
    ck_assert_int_eq(closedir(folder), 0);
    return count;
}

/** Whether the thread has gone to sleep for good: no switch within many of its periods. */
static bool is_still(const char *name, uint64_t for_us) {
    const struct timespec pause = {.tv_nsec = (long)for_us * 1000};
    long before = switches_of(name);
    (void)nanosleep(&pause, NULL);
    return before >= 0 && switches_of(name) == before;
}

START_TEST(watch_of_a_loop_that_sleeps_does_not_wake_up) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct tt_stall_watch *watch = watched(wake, 1000);
    for (int round = 0; round < 3; round++) {
        struct probe probe;
        probe_start(pool, &probe, NULL);
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        (void)tt_wake_prepare(wake);
        PROBE_YIELD_UNTIL(is_still("tt-stall", 100000)); /* 200 of its periods */
    }
    long before = switches_of("tt-stall");
    struct tt_post post = {.fn = stalling_post}; /* and is awake again when the loop is */
    lookout_start(wake, 0);
    tt_wake_post(wake, &post);
    probe_turn(wake);
    lookout_join();
    PROBE_YIELD_UNTIL(switches_of("tt-stall") > before);
    tt_stall_watch_stop(watch);
    probe_end(wake, pool);
}
END_TEST

START_TEST(loop_that_never_prepares_is_watched_as_well) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    reports.only = done_until_told;
    struct tt_stall_watch *watch = watched(wake, 1000);
    for (int round = 0; round < 3; round++) {
        PROBE_YIELD_UNTIL(is_still("tt-stall", 50000));
        struct probe probe;
        probe_init(&probe, NULL);
        probe.job.done = done_until_told;
        probe_submit(pool, &probe);
        for (uint64_t began_us = tti_clock_now_us(); !tt_pool_is_idle(pool);) {
            struct pollfd polled = {.fd = tt_wake_fd(wake), .events = POLLIN};
            (void)tt_wake_dispatch(wake, 10);
            (void)poll(&polled, 1, 1);
            probe_give_up_after(began_us, "the job");
        }
        gate_wait(&reports.told, "the end");
    }
    tt_stall_watch_stop(watch);
    ck_assert_uint_eq(reports.begin_count, 3);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(watch_is_refused_without_what_it_needs) {
    struct tt_wake *wake = probe_wake();
    struct tt_error error = {0};
    ck_assert_ptr_null(tt_stall_watch_start(wake, 1000, NULL, NULL, &error));
    ck_assert_int_eq(error.status, TT_INVALID);
    ck_assert_str_eq(error.text, "a stall watch needs a function");
    ck_assert_ptr_null(tt_stall_watch_start(wake, 999, on_stall, NULL, &error));
    ck_assert_str_eq(error.text, "a stall lasts 1 ms at least");
    tt_test_fail_allocation(1);
    ck_assert_ptr_null(tt_stall_watch_start(wake, 1000, on_stall, NULL, &error));
    ck_assert_int_eq(error.status, TT_NOMEM);
    tt_test_fail_thread_starts(1);
    ck_assert_ptr_null(tt_stall_watch_start(wake, 1000, on_stall, NULL, &error));
    ck_assert_int_eq(error.status, TT_SYSTEM);
    struct tt_stall_watch *watch = watched(wake, 1000);
    ck_assert_ptr_null(tt_stall_watch_start(wake, 1000, on_stall, NULL, &error));
    ck_assert_str_eq(error.text, "this loop is watched already");
    tt_stall_watch_stop(watch);
    tt_stall_watch_stop(watched(wake, 1000));
    tt_wake_destroy(wake);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("stall");
    TCase *tests = tcase_create("beacon");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, done_that_hangs_is_seen_with_its_name_and_age);
    tcase_add_test(tests, age_lies_between_the_first_look_and_the_dispatchs_begin);
    tcase_add_test(tests, release_that_hangs_is_seen);
    tcase_add_loop_test(tests, watch_that_hangs_is_seen_under_its_jobs_name, 0, 4);
    tcase_add_test(tests, timer_that_hangs_is_seen);
    tcase_add_test(tests, post_that_hangs_is_seen);
    tcase_add_test(tests, job_of_an_inline_pool_is_seen_running);
    tcase_add_test(tests, loop_outside_of_callbacks_is_in_none);
    tcase_add_test(tests, kinds_have_names);
    tcase_add_test(tests, looks_at_a_busy_loop_are_of_one_piece);
    TCase *watch = tcase_create("watch");
    suite_add_tcase(suite, watch);
    tcase_add_test(watch, watch_tells_a_stall_once_and_its_end);
    tcase_add_test(watch, loop_that_works_in_small_steps_is_no_stall);
    tcase_add_test(watch, stopped_inside_of_the_stall_the_watch_tells_its_end);
    tcase_add_test(watch, watch_of_a_loop_that_sleeps_does_not_wake_up);
    tcase_add_test(watch, loop_that_never_prepares_is_watched_as_well);
    tcase_add_test(watch, watch_is_refused_without_what_it_needs);
    return probe_main(suite);
}
