/* Workers: their hooks, names and signals, and threads that can't start. */
#include "pool/internal.h"
#include "probe.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct hooks {
    _Atomic uint32_t failures_left;
    _Atomic uint32_t tries;
    _Atomic uint32_t starts;
    _Atomic uint32_t stops;
    _Atomic uint64_t try_us[16]; /* when */
};

struct state {
    pthread_t thread;
    uint32_t job_count;
};

static enum tt_status on_start(void *context, void **ret_state, struct tt_error *reterr) {
    struct hooks *hooks = context;
    uint32_t number = atomic_fetch_add(&hooks->tries, 1);
    if (number < COUNT_OF(hooks->try_us))
        atomic_store(&hooks->try_us[number], tti_clock_now_us());
    uint32_t left = atomic_load(&hooks->failures_left);
    while (left > 0)
        if (atomic_compare_exchange_weak(&hooks->failures_left, &left, left - 1))
            return tt_error_set(reterr, TT_SYSTEM, ECONNREFUSED, "the database is %s", "asleep");
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return tt_error_set(reterr, TT_NOMEM, 0, "no memory");
    state->thread = pthread_self();
    *ret_state = state;
    atomic_fetch_add(&hooks->starts, 1);
    return TT_OK;
}

static void on_stop(void *context, void *state) {
    struct hooks *hooks = context;
    ck_assert(pthread_equal(((struct state *)state)->thread, pthread_self()));
    free(state);
    atomic_fetch_add(&hooks->stops, 1);
}

static enum tt_outcome use_state(struct tt_job *job, void *worker_state) {
    struct state *state = worker_state;
    if (!pthread_equal(state->thread, pthread_self()))
        return TT_FAILED;
    state->job_count++;
    return probe_run(job, NULL);
}

static struct tt_pool *pool_with_hooks(struct tt_wake *wake, struct hooks *hooks, uint32_t worker_count) {
    struct tt_pool_options options = {.name = "test",
                                      .worker_count = worker_count,
                                      .queue_limit = 100,
                                      .spare_count = 1,
                                      .on_start = on_start,
                                      .on_stop = on_stop,
                                      .context = hooks};
    return probe_pool_with(wake, &options);
}

START_TEST(failing_start_hook_is_tried_again_while_jobs_wait) {
    struct tt_wake *wake = probe_wake();
    struct hooks hooks = {.failures_left = UINT32_MAX};
    struct tt_pool *pool = pool_with_hooks(wake, &hooks, 1);
    struct probe probes[3];
    for (unsigned i = 0; i < 3; i++) {
        probe_init(&probes[i], NULL);
        probes[i].job.run = use_state;
        probe_submit(pool, &probes[i]);
    }
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).start_failures >= 2);
    struct tt_pool_snapshot snapshot = probe_snapshot(pool);
    ck_assert_str_eq(snapshot.start_error, "the database is asleep");
    ck_assert_uint_eq(snapshot.starting_count, 1);
    ck_assert_uint_eq(snapshot.idle_count, 0);
    ck_assert_uint_eq(snapshot.queue_depth, 3);
    atomic_store(&hooks.failures_left, 0);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < 3; i++)
        probe_assert_ended(&probes[i], TT_DONE);
    ck_assert_uint_eq(hooks.tries, probe_snapshot(pool).start_failures + 1);
    ck_assert_uint_ge(hooks.try_us[1] - hooks.try_us[0], 100000); /* 0.1 s, then 0.2 s */
    ck_assert_uint_ge(hooks.try_us[2] - hooks.try_us[1], 200000);
    probe_end(wake, pool);
    ck_assert_uint_eq(hooks.stops, 1);
}
END_TEST

START_TEST(destroy_does_not_wait_for_the_next_try_of_a_start_hook) {
    struct tt_wake *wake = probe_wake();
    struct hooks hooks = {.failures_left = UINT32_MAX};
    struct tt_pool *pool = pool_with_hooks(wake, &hooks, 2);
    struct probe probe;
    probe_start(pool, &probe, NULL);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).start_failures >= 10); /* five each: the next tries are 1.6 s away */
    uint64_t began_us = tti_clock_now_us();
    tt_pool_destroy(pool);
    ck_assert_uint_lt(tti_clock_now_us() - began_us, 1400000);
    probe_assert_ended(&probe, TT_CANCELLED);
    ck_assert_uint_eq(hooks.stops, 0);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(hooks_run_once_a_worker_on_its_own_thread) {
    struct tt_wake *wake = probe_wake();
    struct hooks hooks = {0};
    struct tt_pool *pool = pool_with_hooks(wake, &hooks, 5);
    static struct probe probes[60];
    for (unsigned i = 0; i < COUNT_OF(probes); i++) {
        probe_init(&probes[i], NULL);
        probes[i].job.run = use_state;
        probe_submit(pool, &probes[i]);
    }
    ck_assert_int_eq(tt_pool_resize(pool, 8), TT_OK);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < COUNT_OF(probes); i++)
        probe_assert_ended(&probes[i], TT_DONE);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).starting_count == 0); /* a hook that succeeds does not wake the loop */
    ck_assert_int_eq(tt_pool_resize(pool, 2), TT_OK);
    PROBE_TURN_UNTIL(wake, hooks.stops == 6);
    probe_end(wake, pool);
    ck_assert_uint_eq(hooks.starts, 8);
    ck_assert_uint_eq(hooks.stops, 8);
}
END_TEST

/** A spare thread whose first try failed used to give up, and the zombie's place stayed empty. */
START_TEST(spare_thread_tries_its_start_hook_again) {
    struct tt_wake *wake = probe_wake();
    struct hooks hooks = {0};
    struct tt_pool *pool = pool_with_hooks(wake, &hooks, 1);
    struct gate gate;
    struct probe stuck;
    struct probe probe;
    gate_init(&gate);
    probe_start(pool, &stuck, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    atomic_store(&hooks.failures_left, 1);
    ck_assert_int_eq(tt_job_abandon(&stuck.job), TT_OK);
    probe_start(pool, &probe, NULL);
    PROBE_TURN_UNTIL(wake, probe.done_count == 1);
    probe_assert_ended(&probe, TT_DONE);
    ck_assert_uint_eq(probe_snapshot(pool).start_failures, 1);
    ck_assert_uint_eq(probe_snapshot(pool).zombie_count, 1);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    ck_assert_uint_eq(hooks.stops, 2);
    gate_deinit(&gate);
}
END_TEST

START_TEST(pool_is_not_created_when_a_thread_cannot_start) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool_options options = {.name = "test", .worker_count = 3, .queue_limit = 1};
    struct tt_error error = {0};
    atomic_store(&tti_faults.thread_starts_fail, 1);
    ck_assert_ptr_null(tt_pool_create(wake, &options, &error));
    ck_assert_int_eq(error.status, TT_SYSTEM);
    ck_assert_int_eq(error.sys_errno, EAGAIN);
    ck_assert_msg(strstr(error.text, "thread 1 of pool \"test\"") != NULL, "%s", error.text);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(resize_says_when_a_thread_cannot_start_and_goes_on) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 0);
    atomic_store(&tti_faults.thread_starts_fail, 1);
    ck_assert_int_eq(tt_pool_resize(pool, 4), TT_SYSTEM);
    struct tt_pool_snapshot snapshot = probe_snapshot(pool);
    ck_assert_uint_eq(snapshot.thread_count, 2);
    ck_assert_uint_eq(snapshot.worker_target, 4);
    ck_assert_uint_eq(snapshot.start_failures, 1);
    ck_assert_msg(strstr(snapshot.start_error, "can't start a thread") != NULL, "%s", snapshot.start_error);
    struct probe probe;
    probe_start(pool, &probe, NULL);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&probe, TT_DONE);
    ck_assert_int_eq(tt_pool_resize(pool, 4), TT_OK); /* the second try finds threads */
    ck_assert_uint_eq(probe_snapshot(pool).thread_count, 4);
    probe_end(wake, pool);
}
END_TEST

START_TEST(spare_thread_that_cannot_start_costs_capacity_only) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 2);
    struct gate gate;
    struct probe stuck;
    struct probe probe;
    gate_init(&gate);
    probe_start(pool, &stuck, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    atomic_store(&tti_faults.thread_starts_fail, 1);
    ck_assert_int_eq(tt_job_abandon(&stuck.job), TT_OK);
    ck_assert_uint_eq(probe_snapshot(pool).thread_count, 2);
    ck_assert_uint_eq(probe_snapshot(pool).start_failures, 1);
    probe_start(pool, &probe, NULL);
    PROBE_TURN_UNTIL(wake, probe.done_count == 1);
    probe_assert_ended(&probe, TT_DONE);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

struct look {
    struct tt_job job;
    char name[32];
    sigset_t blocked;
    size_t stack_bytes;
    bool is_done;
};

static enum tt_outcome look_around(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    struct look *look = (struct look *)job;
    pthread_attr_t attributes;
    bool is_fine = pthread_getname_np(pthread_self(), look->name, sizeof look->name) == 0 &&
                   pthread_sigmask(SIG_BLOCK, NULL, &look->blocked) == 0 &&
                   pthread_getattr_np(pthread_self(), &attributes) == 0;
    if (!is_fine)
        return TT_FAILED;
    is_fine = pthread_attr_getstacksize(&attributes, &look->stack_bytes) == 0;
    (void)pthread_attr_destroy(&attributes);
    return is_fine ? TT_DONE : TT_FAILED;
}

static void look_done(struct tt_job *job) {
    ck_assert_int_eq(job->outcome, TT_DONE);
    ((struct look *)job)->is_done = true;
}

static struct look look_into(const struct tt_pool_options *options) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool_with(wake, options);
    static struct look look;
    look = (struct look){.job = {.run = look_around, .done = look_done}};
    ck_assert_int_eq(tt_pool_submit(pool, &look.job), TT_OK);
    PROBE_TURN_UNTIL(wake, look.is_done);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    return look;
}

START_TEST(thread_names_are_cut_to_fifteen_bytes_and_keep_their_number) {
    struct tt_pool_options options = {.name = "db", .worker_count = 1, .queue_limit = 1};
    ck_assert_str_eq(look_into(&options).name, "db-1");
    options.name = "a-pool-with-a-very-long-name-xx"; /* 31 bytes */
    ck_assert_str_eq(look_into(&options).name, "a-pool-with-a-1");
}
END_TEST

START_TEST(workers_block_all_signals_but_faults) {
    struct tt_pool_options options = {.name = "x", .worker_count = 1, .queue_limit = 1};
    struct look look = look_into(&options);
    const int blocked[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE, SIGCHLD, SIGPROF, SIGRTMIN};
    const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < COUNT_OF(blocked); i++)
        ck_assert_msg(sigismember(&look.blocked, blocked[i]) == 1, "signal %d reaches a worker", blocked[i]);
    for (size_t i = 0; i < COUNT_OF(open); i++)
        ck_assert_msg(sigismember(&look.blocked, open[i]) == 0, "signal %d is blocked", open[i]);
    sigset_t mine;
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &mine), 0);
    ck_assert_int_eq(sigismember(&mine, SIGTERM), 0); /* the loop's mask is as it was */
}
END_TEST

START_TEST(stack_has_the_size_that_was_asked_for) {
    struct tt_pool_options options = {.name = "x", .worker_count = 1, .queue_limit = 1};
    size_t default_bytes = look_into(&options).stack_bytes;
    ck_assert_uint_ge(default_bytes, 256 * 1024);
    ck_assert_uint_lt(default_bytes, 1024 * 1024);
    options.stack_bytes = 2 * 1024 * 1024;
    size_t asked_bytes = look_into(&options).stack_bytes;
    ck_assert_uint_ge(asked_bytes, 2 * 1024 * 1024);
    ck_assert_uint_lt(asked_bytes, 3 * 1024 * 1024);
}
END_TEST

START_TEST(resize_down_keeps_the_worker_that_can_serve_and_ends_the_one_that_cannot) {
    struct tt_wake *wake = probe_wake();
    struct hooks hooks = {0};
    struct tt_pool *pool = pool_with_hooks(wake, &hooks, 1);
    struct probe probe;
    PROBE_YIELD_UNTIL(probe_snapshot(pool).idle_count == 1);
    atomic_store(&hooks.failures_left, UINT32_MAX);
    ck_assert_int_eq(tt_pool_resize(pool, 2), TT_OK);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).start_failures >= 1);
    ck_assert_int_eq(tt_pool_resize(pool, 1), TT_OK);
    probe_start(pool, &probe, NULL);
    PROBE_TURN_UNTIL(wake, probe.done_count == 1);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).thread_count == 1);
    ck_assert_uint_eq(probe_snapshot(pool).starting_count, 0);
    probe_end(wake, pool);
    ck_assert_uint_eq(hooks.stops, 1);
}
END_TEST

struct placed {
    struct probe probe;
    pthread_t thread;
};

static enum tt_outcome note_thread(struct tt_job *job, void *worker_state) {
    struct placed *placed = (struct placed *)PROBE_OF(job);
    placed->thread = pthread_self();
    return probe_run(job, worker_state);
}

static void place(struct tt_pool *pool, struct placed *placed, struct gate *gate) {
    probe_init(&placed->probe, gate);
    placed->probe.job.run = note_thread;
    probe_submit(pool, &placed->probe);
}

static uint32_t parked_count(struct tt_pool *pool) {
    tti_lock_enter(&pool->lock);
    uint32_t count = pool->idle_count;
    tti_lock_leave(&pool->lock);
    return count;
}

START_TEST(worker_that_parked_last_is_taken_first) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 3, 10, 0);
    struct gate gates[3];
    struct placed placed[3];
    struct placed next;
    for (unsigned i = 0; i < 3; i++) {
        gate_init(&gates[i]);
        place(pool, &placed[i], &gates[i]);
    }
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).busy_count == 3);
    for (uint32_t i = 0; i < 3; i++) {
        gate_open(&gates[(_i + i) % 3], 1);
        PROBE_YIELD_UNTIL(parked_count(pool) == i + 1);
    }
    place(pool, &next, NULL);
    PROBE_TURN_UNTIL(wake, next.probe.done_count == 1);
    ck_assert(pthread_equal(next.thread, placed[(_i + 2) % 3].thread) != 0);
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("worker");
    TCase *tests = tcase_create("worker");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, worker_that_parked_last_is_taken_first, 0, 3);
    tcase_add_test(tests, pool_is_not_created_when_a_thread_cannot_start);
    tcase_add_test(tests, resize_says_when_a_thread_cannot_start_and_goes_on);
    tcase_add_test(tests, spare_thread_that_cannot_start_costs_capacity_only);
    tcase_add_test(tests, failing_start_hook_is_tried_again_while_jobs_wait);
    tcase_add_test(tests, destroy_does_not_wait_for_the_next_try_of_a_start_hook);
    tcase_add_test(tests, spare_thread_tries_its_start_hook_again);
    tcase_add_test(tests, hooks_run_once_a_worker_on_its_own_thread);
    tcase_add_test(tests, thread_names_are_cut_to_fifteen_bytes_and_keep_their_number);
    tcase_add_test(tests, workers_block_all_signals_but_faults);
    tcase_add_test(tests, stack_has_the_size_that_was_asked_for);
    tcase_add_test(tests, resize_down_keeps_the_worker_that_can_serve_and_ends_the_one_that_cannot);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
