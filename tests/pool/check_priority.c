/* Priorities, reserved workers and keys in a pool with threads. */
#include "probe.h"

#include <tothread/key.h>
#include <tothread/testing.h>

static struct tt_pool *reserved_pool(struct tt_wake *wake, uint32_t worker_count, uint32_t reserved_count) {
    struct tt_pool_options options = {.name = "test",
                                      .worker_count = worker_count,
                                      .queue_limit = 100,
                                      .spare_count = 2,
                                      .reserved_count = reserved_count};
    struct tt_pool *pool = probe_pool_with(wake, &options);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).starting_count == 0);
    return pool;
}

static void start(struct tt_pool *pool, struct probe *probe, struct gate *gate, enum tt_priority priority) {
    probe_init(probe, gate);
    probe->job.priority = priority;
    probe_submit(pool, probe);
}

/** On its one worker a job of each class runs in the order of the classes, not of their submits. Ends both. */
static void expect_class_order(struct tt_wake *wake, struct tt_pool *pool) {
    struct gate gate;
    struct probe probes[4];
    uint32_t dones = 0;
    gate_init(&gate);
    start(pool, &probes[0], &gate, TT_PRIORITY_NORMAL);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    start(pool, &probes[1], NULL, TT_PRIORITY_LOW);
    start(pool, &probes[2], NULL, TT_PRIORITY_NORMAL);
    start(pool, &probes[3], NULL, TT_PRIORITY_HIGH);
    for (size_t i = 0; i < COUNT_OF(probes); i++)
        probes[i].dones = &dones;
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(dones, COUNT_OF(probes));
    ck_assert_uint_eq(probes[3].done_order, 2);
    ck_assert_uint_eq(probes[2].done_order, 3);
    ck_assert_uint_eq(probes[1].done_order, 4);
    probe_end(wake, pool);
}

START_TEST(high_job_overtakes_those_that_wait) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    expect_class_order(wake, pool);
}
END_TEST

START_TEST(reserved_worker_is_free_for_a_high_job_however_many_others_wait) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = reserved_pool(wake, 3, 1);
    struct gate gate;
    struct probe probes[5];
    struct probe high;
    gate_init(&gate);
    for (size_t i = 0; i < COUNT_OF(probes); i++)
        start(pool, &probes[i], &gate, TT_PRIORITY_NORMAL);
    tt_wake_flush(wake);
    gate_await(&gate, 2);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).idle_count == 1);
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, 3); /* they leave the third worker alone */
    start(pool, &high, NULL, TT_PRIORITY_HIGH);
    PROBE_TURN_UNTIL(wake, high.done_count == 1);
    ck_assert_int_eq(gate_arrived(&gate), 0);
    gate_open(&gate, COUNT_OF(probes));
    probe_end(wake, pool);
}
END_TEST

START_TEST(high_jobs_may_use_every_worker) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = reserved_pool(wake, 3, 1);
    struct gate gate;
    struct probe probes[3];
    gate_init(&gate);
    for (size_t i = 0; i < COUNT_OF(probes); i++)
        start(pool, &probes[i], &gate, TT_PRIORITY_HIGH);
    tt_wake_flush(wake);
    gate_await(&gate, 3);
    gate_open(&gate, 3);
    probe_end(wake, pool);
}
END_TEST

START_TEST(zombie_gives_its_place_to_a_waiting_job_of_its_class) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = reserved_pool(wake, 2, 1);
    struct gate gate;
    struct probe stuck;
    struct probe next;
    gate_init(&gate);
    start(pool, &stuck, &gate, TT_PRIORITY_NORMAL);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    start(pool, &next, NULL, TT_PRIORITY_NORMAL);
    tt_wake_flush(wake);
    ck_assert_int_eq(tt_job_abandon(&stuck.job), TT_OK);
    PROBE_TURN_UNTIL(wake, next.done_count == 1);
    gate_open(&gate, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(pool_that_shrinks_below_its_reserve_still_serves_all) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = reserved_pool(wake, 4, 3);
    struct probe probes[6];
    ck_assert_int_eq(tt_pool_resize(pool, 2), TT_OK);
    for (size_t i = 0; i < COUNT_OF(probes); i++)
        start(pool, &probes[i], NULL, TT_PRIORITY_LOW);
    probe_end(wake, pool);
    for (size_t i = 0; i < COUNT_OF(probes); i++)
        probe_assert_ended(&probes[i], TT_DONE);
}
END_TEST

static _Atomic bool hook_fails;

static enum tt_status start_or_fail(void *context, void **ret_state, struct tt_error *reterr) {
    (void)context;
    (void)ret_state;
    return atomic_load(&hook_fails) ? tt_error_set(reterr, TT_SYSTEM, 0, "not now") : TT_OK;
}

START_TEST(pool_that_grows_starts_a_lower_job_although_its_new_thread_cannot) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool_options options = {
        .name = "test", .worker_count = 2, .queue_limit = 10, .reserved_count = 1, .on_start = start_or_fail};
    struct tt_pool *pool = probe_pool_with(wake, &options);
    struct gate gate;
    struct probe probes[2];
    gate_init(&gate);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).idle_count == 2);
    start(pool, &probes[0], &gate, TT_PRIORITY_NORMAL);
    start(pool, &probes[1], NULL, TT_PRIORITY_NORMAL);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    atomic_store(&hook_fails, true);
    ck_assert_int_eq(tt_pool_resize(pool, 3), TT_OK);
    PROBE_TURN_UNTIL(wake, probes[1].done_count == 1); /* by the second worker: only one of three is reserved */
    gate_open(&gate, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(all_workers_reserved_is_refused) {
    struct tt_wake *wake = probe_wake();
    struct tt_error error = {0};
    struct tt_pool_options options = {.name = "test", .worker_count = 2, .queue_limit = 1, .reserved_count = 2};
    ck_assert_ptr_null(tt_pool_create(wake, &options, &error));
    ck_assert_int_eq(error.status, TT_INVALID);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(one_key_does_not_hold_up_another) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 100, 0);
    struct tt_key keys[2] = {0};
    struct gate gate;
    struct probe probes[21];
    uint32_t dones = 0;
    gate_init(&gate);
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        probe_init(&probes[i], i == 0 ? &gate : NULL);
        probes[i].job.key = &keys[i == 20];
        probes[i].dones = &dones;
        probe_submit(pool, &probes[i]);
    }
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    ck_assert_uint_le(probes[20].done_order, 3);
    ck_assert_uint_eq(keys[0].inside_count + keys[1].inside_count, 0);
}
END_TEST

START_TEST(key_at_its_limit_is_full_and_others_are_not) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 100, 0);
    struct tt_key greedy = {.job_limit = 2};
    struct tt_key modest = {.job_limit = 2};
    struct gate gate;
    struct probe probes[4];
    gate_init(&gate);
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        probe_init(&probes[i], &gate);
        probes[i].job.key = i < 3 ? &greedy : &modest;
        ck_assert_int_eq(tt_pool_submit(pool, &probes[i].job), i == 2 ? TT_FULL : TT_OK);
    }
    ck_assert_uint_eq(probe_snapshot(pool).refused_full, 1);
    gate_open(&gate, 3);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_start(pool, &probes[2], NULL); /* it has room again */
    probe_end(wake, pool);
}
END_TEST

START_TEST(key_in_use_belongs_to_one_pool) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *first = probe_pool(wake, 1, 10, 0);
    struct tt_pool *second = probe_pool(wake, 1, 10, 0);
    struct tt_key key = {0};
    struct probe probes[2];
    probe_init(&probes[0], NULL);
    probe_init(&probes[1], NULL);
    probes[0].job.key = &key;
    probes[1].job.key = &key;
    probe_submit(first, &probes[0]);
    ck_assert_int_eq(tt_pool_submit(second, &probes[1].job), TT_INVALID);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(first));
    probe_submit(second, &probes[1]); /* at rest it may move */
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(second));
    tt_pool_destroy(first);
    probe_end(wake, second);
}
END_TEST

START_TEST(pool_that_grows_on_paper_only_still_starts_what_it_may) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = reserved_pool(wake, 2, 1);
    struct gate gate;
    struct probe probes[2];
    gate_init(&gate);
    for (size_t i = 0; i < COUNT_OF(probes); i++)
        start(pool, &probes[i], &gate, TT_PRIORITY_NORMAL);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).idle_count == 1);
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, 1); /* the second worker is reserved */
    tt_test_fail_thread_starts(1);
    ck_assert_int_eq(tt_pool_resize(pool, 3), TT_SYSTEM);
    gate_await(&gate, 1); /* one of three is reserved, and the second sleeps no longer */
    gate_open(&gate, 2);
    probe_end(wake, pool);
}
END_TEST

START_TEST(classes_keep_their_order_where_no_job_ever_ages) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool_with(
        wake, &(struct tt_pool_options){.name = "test", .worker_count = 1, .queue_limit = 10, .ageing_us = UINT64_MAX});
    expect_class_order(wake, pool);
}
END_TEST

START_TEST(key_of_a_job_that_outlives_its_pool_may_go_to_another) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *first = probe_pool(wake, 1, 10, 0);
    struct tt_pool *second = probe_pool(wake, 1, 10, 0);
    struct tt_key key = {.job_limit = 1};
    struct gate gate;
    struct probe probes[2];
    gate_init(&gate);
    probe_init(&probes[0], &gate);
    probe_init(&probes[1], NULL);
    probes[0].job.key = &key;
    probes[1].job.key = &key;
    probe_submit(first, &probes[0]);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    tt_pool_destroy(first);
    probe_submit(second, &probes[1]);
    probe_end(wake, second);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(atomic_load(&probes[0].release_count) == 1);
    ck_assert_uint_eq(key.inside_count, 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        high_job_overtakes_those_that_wait,
        reserved_worker_is_free_for_a_high_job_however_many_others_wait,
        high_jobs_may_use_every_worker,
        zombie_gives_its_place_to_a_waiting_job_of_its_class,
        pool_that_shrinks_below_its_reserve_still_serves_all,
        pool_that_grows_starts_a_lower_job_although_its_new_thread_cannot,
        all_workers_reserved_is_refused,
        one_key_does_not_hold_up_another,
        key_at_its_limit_is_full_and_others_are_not,
        key_in_use_belongs_to_one_pool,
        pool_that_grows_on_paper_only_still_starts_what_it_may,
        classes_keep_their_order_where_no_job_ever_ages,
        key_of_a_job_that_outlives_its_pool_may_go_to_another,
    };
    return probe_run_all("priority", tests, COUNT_OF(tests));
}
