/**
 * Probe: a job that counts what happens to it, and the little loop that tests run it with.
 *
 * The loop is the one of wake.h's "Normal use": prepare, ppoll, dispatch. It sleeps for events only and gives a test up
 * after PROBE_PATIENCE_US.
 */
#ifndef TESTS_POOL_PROBE_H
#define TESTS_POOL_PROBE_H

#include "pool/clock.h"
#include "tests/support/gate.h"

#include <check.h>
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <tothread/pool.h>

#define PROBE_PATIENCE_US 30000000u
#define COUNT_OF(array_)  (sizeof(array_) / sizeof *(array_))

struct probe {
    struct tt_job job;
    struct gate *gate;    /* run passes it; NULL: run returns at once */
    enum tt_outcome says; /* what run returns; TT_NONE: TT_DONE */
    _Atomic uint32_t run_count;
    _Atomic uint32_t release_count;
    uint32_t done_count;     /* the loop's, like all below */
    enum tt_outcome outcome; /* as done saw it */
    uint64_t done_us;        /* when done was called */
    uint32_t done_order;     /* the how-manieth done of all probes */
    uint32_t *dones;         /* counts all dones; may be NULL */
};

#define PROBE_OF(job_) ((struct probe *)((char *)(job_)-offsetof(struct probe, job)))

static inline enum tt_outcome probe_run(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    struct probe *probe = PROBE_OF(job);
    atomic_fetch_add(&probe->run_count, 1);
    if (probe->gate != NULL)
        gate_pass(probe->gate);
    return probe->says == TT_NONE ? TT_DONE : probe->says;
}

static inline void probe_done(struct tt_job *job) {
    struct probe *probe = PROBE_OF(job);
    probe->done_count++;
    probe->outcome = job->outcome;
    probe->done_us = tti_clock_now_us();
    if (probe->dones != NULL)
        probe->done_order = ++*probe->dones;
}

static inline void probe_release(struct tt_job *job) {
    struct probe *probe = PROBE_OF(job);
    ck_assert_uint_eq(probe->done_count, 1); /* release comes after done, for each job that was accepted */
    atomic_fetch_add(&probe->release_count, 1);
}

static inline void probe_init(struct probe *probe, struct gate *gate) {
    memset(probe, 0, sizeof *probe);
    probe->gate = gate;
    probe->job.run = probe_run;
    probe->job.done = probe_done;
    probe->job.release = probe_release;
}

static inline void probe_submit(struct tt_pool *pool, struct probe *probe) {
    ck_assert_int_eq(tt_pool_submit(pool, &probe->job), TT_OK);
}

/** Initialises and submits. */
static inline void probe_start(struct tt_pool *pool, struct probe *probe, struct gate *gate) {
    probe_init(probe, gate);
    probe_submit(pool, probe);
}

static inline void probe_assert_ended(struct probe *probe, enum tt_outcome outcome) {
    ck_assert_uint_eq(probe->done_count, 1);
    ck_assert_uint_eq(atomic_load(&probe->release_count), 1);
    ck_assert_str_eq(tt_outcome_name(probe->outcome), tt_outcome_name(outcome));
}

static inline struct tt_wake *probe_wake(void) {
    struct tt_error error = {0};
    struct tt_wake *wake = tt_wake_create(&error);
    ck_assert_msg(wake != NULL, "%s", error.text);
    return wake;
}

/** One turn of the loop: sleeps until something is due. */
static inline void probe_turn(struct tt_wake *wake) {
    struct pollfd watched = {.fd = tt_wake_fd(wake), .events = POLLIN};
    int64_t sleep_us = tt_wake_prepare(wake);
    if (sleep_us < 0 || sleep_us > (int64_t)PROBE_PATIENCE_US)
        sleep_us = PROBE_PATIENCE_US;
    struct timespec limit = {sleep_us / 1000000, sleep_us % 1000000 * 1000};
    (void)ppoll(&watched, 1, &limit, NULL); /* interrupted is fine */
    (void)tt_wake_dispatch(wake, 256);
}

static inline void probe_give_up_after(uint64_t began_us, const char *what) {
    if (tti_clock_now_us() - began_us > PROBE_PATIENCE_US)
        ck_abort_msg("waited %u s for %s", PROBE_PATIENCE_US / 1000000u, what);
}

/** Turns the loop until the condition holds. */
#define PROBE_TURN_UNTIL(wake_, condition_)                         \
    for (uint64_t began_us_ = tti_clock_now_us(); !(condition_);) { \
        probe_turn(wake_);                                          \
        probe_give_up_after(began_us_, #condition_);                \
    }

/** Waits for what another thread does, where it has no way to say so. */
#define PROBE_YIELD_UNTIL(condition_)                               \
    for (uint64_t began_us_ = tti_clock_now_us(); !(condition_);) { \
        (void)sched_yield();                                        \
        probe_give_up_after(began_us_, #condition_);                \
    }

static inline struct tt_pool_snapshot probe_snapshot(struct tt_pool *pool) {
    struct tt_pool_snapshot snapshot;
    tt_pool_snapshot(pool, &snapshot);
    return snapshot;
}

static inline struct tt_pool *probe_pool_with(struct tt_wake *wake, const struct tt_pool_options *options) {
    struct tt_error error = {0};
    struct tt_pool *pool = tt_pool_create(wake, options, &error);
    ck_assert_msg(pool != NULL, "%s", error.text);
    return pool;
}

/** A pool whose workers are all ready, so that its capacity is known. */
static inline struct tt_pool *probe_pool(struct tt_wake *wake, uint32_t worker_count, uint32_t queue_limit,
                                         uint32_t spare_count) {
    struct tt_pool_options options = {
        .name = "test", .worker_count = worker_count, .queue_limit = queue_limit, .spare_count = spare_count};
    struct tt_pool *pool = probe_pool_with(wake, &options);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).starting_count == 0);
    return pool;
}

static inline uint64_t probe_sum(const struct tt_pool_snapshot *s) {
    return s->done + s->failed + s->crashed + s->cancelled + s->expired_queue + s->expired_run + s->abandoned +
           s->refused_full + s->refused_closed;
}

/** At rest each submitted job has ended in one way. */
static inline void probe_check_books(struct tt_pool *pool) {
    struct tt_pool_snapshot snapshot = probe_snapshot(pool);
    ck_assert(tt_pool_is_idle(pool));
    ck_assert_uint_eq(probe_sum(&snapshot), snapshot.submitted);
    ck_assert_uint_eq(snapshot.queue_depth, 0);
    ck_assert_uint_eq(snapshot.busy_count, 0);
    ck_assert_uint_eq(snapshot.zombie_count, 0);
    ck_assert_uint_eq(snapshot.zombies_ended, snapshot.expired_run + snapshot.abandoned);
}

/** The end of most tests: runs the pool empty, checks its books, ends it and its wake. */
static inline void probe_end(struct tt_wake *wake, struct tt_pool *pool) {
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    PROBE_YIELD_UNTIL(probe_snapshot(pool).zombie_count == 0);
    probe_check_books(pool);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
}

/** Threads of this process. */
static inline unsigned probe_thread_count(void) {
    DIR *folder = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(folder);
    unsigned count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) /* this folder is this thread's alone */
        count += entry->d_name[0] != '.';
    ck_assert_int_eq(closedir(folder), 0);
    return count;
}

/** main() of a test program with one suite. */
static inline int probe_main(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/** The same from a table of tests. */
static inline int probe_run_all(const char *name, const TTest *const *tests, size_t count) {
    Suite *suite = suite_create(name);
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, 60);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(cases, tests[i]);
    suite_add_tcase(suite, cases);
    return probe_main(suite);
}

#endif
