/* Drain and destroy: how a pool ends, with all that may still be inside. */
#include "probe.h"

#include <pthread.h>

START_TEST(drain_of_an_idle_pool_is_clean) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 1, 0);
    ck_assert_uint_eq(tt_pool_drain(pool, UINT64_MAX, NULL, 0), 0);
    ck_assert_uint_eq(tt_pool_drain(pool, 0, NULL, 0), 0);
    struct probe probe;
    probe_init(&probe, NULL);
    ck_assert_int_eq(tt_pool_submit(pool, &probe.job), TT_CLOSED);
    probe_end(wake, pool);
}
END_TEST

START_TEST(drain_finishes_everything_when_there_is_time) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 500, 0);
    static struct probe probes[500];
    struct tt_job_snapshot left[2];
    for (unsigned i = 0; i < COUNT_OF(probes); i++)
        probe_start(pool, &probes[i], NULL);
    ck_assert_uint_eq(tt_pool_drain(pool, PROBE_PATIENCE_US, left, COUNT_OF(left)), 0);
    for (unsigned i = 0; i < COUNT_OF(probes); i++)
        probe_assert_ended(&probes[i], TT_DONE);
    probe_end(wake, pool);
}
END_TEST

START_TEST(drain_with_a_hard_end_lists_what_is_left) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe probes[4];
    struct tt_limiter limiter = {.permit_count = 1};
    struct tt_job_snapshot left[6];
    static const char *const names[] = {"stuck", "queued", "limited-1", "limited-2"};
    static const char *const ids[] = {"id-0", "id-1", "id-2", "id-3"};
    gate_init(&gate);
    memset(left, 0xff, sizeof left);
    for (unsigned i = 0; i < 4; i++) {
        probe_init(&probes[i], &gate);
        probes[i].job.name = names[i];
        probes[i].job.id = ids[i];
        if (i != 1)
            probes[i].job.limiter = &limiter; /* the stuck one holds its only permit */
        probe_submit(pool, &probes[i]);
    }
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    uint64_t began_us = tti_clock_now_us();
    ck_assert_uint_eq(tt_pool_drain(pool, 20000, left, COUNT_OF(left)), 4);
    ck_assert_uint_ge(tti_clock_now_us() - began_us, 20000);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_str_eq(left[i].name, names[i]);
        ck_assert_str_eq(left[i].id, ids[i]);
        ck_assert_int_eq(left[i].phase, i == 0 ? TT_PHASE_RUNNING : TT_PHASE_QUEUED);
    }
    ck_assert_uint_ge(left[0].run_us, 20000);
    ck_assert_uint_ge(left[1].queue_us, 20000);
    ck_assert_uint_ge(left[3].queue_us, 20000);
    ck_assert_str_eq(left[0].worker, "test-1");
    ck_assert_int_gt(left[0].thread_id, 0);
    for (size_t i = 4; i < COUNT_OF(left); i++)
        ck_assert_str_eq(left[i].name, ""); /* nothing of what was there before */
    ck_assert_uint_eq(probes[0].done_count, 1);
    ck_assert_int_eq(probes[0].outcome, TT_ABANDONED);
    ck_assert_uint_eq(probes[0].release_count, 0);
    for (unsigned i = 1; i < 4; i++)
        probe_assert_ended(&probes[i], TT_CANCELLED);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&probes[0], TT_ABANDONED);
    ck_assert_uint_eq(limiter.used_count, 0);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(drain_serves_other_pools_meanwhile) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_pool *other = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe stuck;
    struct probe probe;
    gate_init(&gate);
    probe_start(pool, &stuck, &gate);
    probe_start(other, &probe, NULL);
    ck_assert_uint_eq(tt_pool_drain(pool, 50000, NULL, 0), 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(other));
    probe_assert_ended(&probe, TT_DONE);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_check_books(other);
    tt_pool_destroy(other);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static void count_done(struct tt_job *job) {
    PROBE_OF(job)->done_count++;
}

static sem_t orphan_released;

static void orphan_release(struct tt_job *job) {
    struct probe *probe = PROBE_OF(job);
    atomic_fetch_add(&probe->release_count, 1);
    (void)sem_post(&orphan_released);
}

START_TEST(destroy_leaves_a_hung_job_to_its_worker) {
    struct tt_wake *wake = probe_wake();
    tt_pool_destroy(probe_pool(wake, 1, 1, 0)); /* whatever a first thread brings along is there now */
    unsigned thread_count = probe_thread_count();
    struct tt_pool *pool = probe_pool(wake, 3, 10, 1);
    struct gate gate;
    struct probe probes[4];
    gate_init(&gate);
    ck_assert_int_eq(sem_init(&orphan_released, 0, 0), 0);
    for (unsigned i = 0; i < 4; i++) {
        probe_init(&probes[i], i < 2 ? &gate : NULL);
        probes[i].job.release = orphan_release;
        probe_submit(pool, &probes[i]);
    }
    tt_wake_flush(wake);
    gate_await(&gate, 2);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_uint_eq(probes[i].done_count, 1);
        ck_assert_int_eq(probes[i].outcome, TT_ABANDONED);
        ck_assert_uint_eq(probes[i].release_count, 0); /* the function still runs */
    }
    ck_assert_uint_eq(probes[2].release_count + probes[3].release_count, 2);
    gate_open(&gate, 2);
    for (unsigned i = 0; i < 4; i++)
        gate_wait(&orphan_released, "a release");
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(probes[i].release_count, 1);
    PROBE_YIELD_UNTIL(probe_thread_count() <= thread_count);
    ck_assert_int_eq(sem_destroy(&orphan_released), 0);
    gate_deinit(&gate);
}
END_TEST

static _Atomic uint32_t race_releases;

static void race_release(struct tt_job *job) {
    (void)job;
    atomic_fetch_add(&race_releases, 1);
}

static void *open_gate_later(void *argument) {
    struct gate *gate = argument;
    for (unsigned i = 0; i < 400; i++) {
        gate_open(gate, 1);
        if (i % 4 == 0)
            (void)sched_yield();
    }
    return NULL;
}

/** A zombie that came back while the pool was being destroyed used to leave its release behind, for freed memory. */
START_TEST(zombies_that_return_during_destroy_are_released_once) {
    for (unsigned round = 0; round < 30; round++) {
        struct tt_wake *wake = probe_wake();
        struct tt_pool *pool = probe_pool(wake, 40, 500, 0);
        struct gate gate;
        static struct probe probes[400];
        gate_init(&gate);
        atomic_store(&race_releases, 0);
        for (unsigned i = 0; i < 400; i++) {
            probe_init(&probes[i], &gate);
            probes[i].job.done = count_done;
            probes[i].job.release = race_release;
            probe_submit(pool, &probes[i]);
        }
        tt_wake_flush(wake);
        gate_await(&gate, 40);
        pthread_t opener;
        ck_assert_int_eq(pthread_create(&opener, NULL, open_gate_later, &gate), 0);
        tt_pool_destroy(pool);
        tt_wake_destroy(wake);
        ck_assert_int_eq(pthread_join(opener, NULL), 0);
        PROBE_YIELD_UNTIL(atomic_load(&race_releases) == 400);
        for (unsigned i = 0; i < 400; i++)
            ck_assert_uint_eq(probes[i].done_count, 1);
        /* The semaphores stay: a worker may still be on its way out of sem_wait. */
    }
}
END_TEST

/** The cap of a turn used to leave such releases behind another pool's jobs: for a pool that was freed. */
START_TEST(releases_behind_another_pools_jobs_come_before_the_end) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_pool *other = probe_pool(wake, 1, 3000, 0);
    struct gate gate;
    struct probe zombie;
    static struct probe probes[3000];
    gate_init(&gate);
    probe_start(pool, &zombie, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_abandon(&zombie.job), TT_OK);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(zombie.done_count, 1);
    for (unsigned i = 0; i < COUNT_OF(probes); i++)
        probe_start(other, &probes[i], NULL);
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(probes[COUNT_OF(probes) - 1].run_count == 1);
    PROBE_YIELD_UNTIL(probe_snapshot(other).busy_count == 0);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).zombie_count == 0);
    tt_pool_destroy(pool);
    ck_assert_uint_eq(zombie.release_count, 1);
    probe_end(wake, other);
    gate_deinit(&gate);
}
END_TEST

START_TEST(destroy_takes_null_and_a_pool_that_was_never_used) {
    struct tt_wake *wake = probe_wake();
    tt_pool_destroy(NULL);
    struct tt_pool_options options = {.name = "x", .worker_count = 4, .queue_limit = 1};
    for (unsigned i = 0; i < 50; i++)
        tt_pool_destroy(probe_pool_with(wake, &options)); /* its threads may not have begun yet */
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(pools_of_one_wake_end_in_any_order) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pools[4];
    struct probe probes[4];
    for (unsigned i = 0; i < 4; i++) {
        pools[i] = probe_pool(wake, 1, 4, 0);
        probe_start(pools[i], &probes[i], NULL);
        tt_wake_flush(wake);
    }
    const unsigned order[] = {1, 3, 0, 2};
    for (unsigned i = 0; i < 4; i++)
        tt_pool_destroy(pools[order[i]]);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(probes[i].done_count, 1);
    (void)tt_wake_prepare(wake);
    (void)tt_wake_dispatch(wake, 100);
    tt_wake_destroy(wake);
}
END_TEST

/** An exit test: it passes by that. */
START_TEST(program_ends_although_a_function_hangs) {
    static struct gate gate; /* never opened: static, for exit runs while a thread waits at it */
    static struct probe probe;
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    gate_init(&gate);
    probe_start(pool, &probe, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    ck_assert_int_eq(probe.outcome, TT_ABANDONED);
    ck_assert_uint_eq(probe.release_count, 0);
    exit(7);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("drain");
    TCase *tests = tcase_create("drain");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, drain_of_an_idle_pool_is_clean);
    tcase_add_test(tests, drain_finishes_everything_when_there_is_time);
    tcase_add_test(tests, drain_with_a_hard_end_lists_what_is_left);
    tcase_add_test(tests, drain_serves_other_pools_meanwhile);
    tcase_add_test(tests, destroy_leaves_a_hung_job_to_its_worker);
    tcase_add_exit_test(tests, program_ends_although_a_function_hangs, 7);
    tcase_add_test(tests, zombies_that_return_during_destroy_are_released_once);
    tcase_add_test(tests, releases_behind_another_pools_jobs_come_before_the_end);
    tcase_add_test(tests, destroy_takes_null_and_a_pool_that_was_never_used);
    tcase_add_test(tests, pools_of_one_wake_end_in_any_order);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
