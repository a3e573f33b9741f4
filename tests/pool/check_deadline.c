/* The two clocks of a job, zombies, and the spare threads that stand in for them. */
#include "probe.h"

static struct probe *start_limited(struct tt_pool *pool, struct probe *probe, struct gate *gate, uint64_t queue_us,
                                   uint64_t run_us) {
    probe_init(probe, gate);
    probe->job.queue_timeout_us = queue_us;
    probe->job.run_timeout_us = run_us;
    probe_submit(pool, probe);
    return probe;
}

START_TEST(job_whose_queue_time_is_over_never_runs) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe first;
    struct probe late;
    gate_init(&gate);
    probe_start(pool, &first, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    start_limited(pool, &late, NULL, 20000, 0);
    PROBE_TURN_UNTIL(wake, late.done_count == 1);
    probe_assert_ended(&late, TT_EXPIRED_QUEUE);
    ck_assert_uint_ge(late.job.queue_us, 20000);
    ck_assert_uint_lt(late.job.queue_us, 2000000);
    ck_assert_uint_eq(late.job.run_us, 0);
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, 0);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(late.run_count, 0);
    ck_assert_uint_eq(first.run_count, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(pools_queue_time_counts_where_the_job_has_none) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool_options options = {.name = "test", .worker_count = 1, .queue_limit = 10, .queue_timeout_us = 10000};
    struct tt_pool *pool = probe_pool_with(wake, &options);
    struct gate gate;
    struct probe first;
    struct probe patient;
    struct probe late;
    gate_init(&gate);
    probe_start(pool, &first, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    start_limited(pool, &patient, NULL, 3600000000u, 0);
    start_limited(pool, &late, NULL, 0, 0);
    PROBE_TURN_UNTIL(wake, late.done_count == 1);
    probe_assert_ended(&late, TT_EXPIRED_QUEUE);
    ck_assert_uint_eq(patient.done_count, 0);
    ck_assert_uint_eq(first.done_count, 0); /* it runs: its queue time is over, and doesn't matter */
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&first, TT_DONE);
    probe_assert_ended(&patient, TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/** Jobs that take about as long as others may wait: whatever wins, expired and started must exclude each other. */
START_TEST(start_and_expire_exclude_each_other) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 4000, 0);
    static struct probe probes[20000];
    unsigned expired = 0;
    for (unsigned i = 0; i < COUNT_OF(probes); i++) {
        probe_init(&probes[i], NULL);
        probes[i].job.queue_timeout_us = 1 + i * 37 % 3000;
        while (tt_pool_submit(pool, &probes[i].job) == TT_FULL)
            probe_turn(wake);
        if (i % 1000 == 999)
            probe_turn(wake);
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < COUNT_OF(probes); i++) {
        bool is_expired = probes[i].outcome == TT_EXPIRED_QUEUE;
        probe_assert_ended(&probes[i], is_expired ? TT_EXPIRED_QUEUE : TT_DONE);
        ck_assert_uint_eq(probes[i].run_count, is_expired ? 0 : 1);
        expired += is_expired;
    }
    ck_assert_uint_eq(expired, probe_snapshot(pool).expired_queue);
    probe_end(wake, pool);
}
END_TEST

START_TEST(done_comes_at_the_run_deadline_and_release_when_the_function_returns) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 1);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    start_limited(pool, &probe, &gate, 0, 30000);
    PROBE_TURN_UNTIL(wake, probe.done_count == 1);
    ck_assert_int_eq(probe.outcome, TT_EXPIRED_RUN);
    ck_assert_uint_ge(probe.job.run_us, 30000);
    ck_assert_uint_lt(probe.job.run_us, 2000000);
    ck_assert_uint_eq(probe.release_count, 0);
    ck_assert(!tt_pool_is_idle(pool));
    struct tt_pool_snapshot snapshot = probe_snapshot(pool);
    ck_assert_uint_eq(snapshot.zombie_count, 1);
    ck_assert_uint_eq(snapshot.zombies_ended, 0);
    ck_assert_uint_eq(snapshot.expired_run, 1);
    struct tt_job_snapshot job;
    ck_assert_uint_eq(tt_pool_jobs(pool, &job, 1), 1);
    ck_assert_str_eq(tt_job_phase_name(job.phase), "zombie");
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&probe, TT_EXPIRED_RUN);
    ck_assert_int_eq(probe.job.outcome, TT_EXPIRED_RUN); /* the late result was dropped */
    ck_assert_uint_eq(probe_snapshot(pool).done, 0);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/** How many of the limited jobs are due before this one, and itself. */
static uint32_t place_by_deadline(struct probe *probes, size_t count, const struct probe *one) {
    uint64_t due_us = atomic_load(&one->job.started_us) + one->job.run_timeout_us;
    uint32_t place = 0;
    for (size_t i = 0; i < count; i++)
        place += atomic_load(&probes[i].job.started_us) + probes[i].job.run_timeout_us <= due_us;
    return place;
}

/** Run deadlines that differ a lot, submitted in the worst order: each fires at its own time. */
START_TEST(run_deadlines_of_many_jobs_come_in_their_order) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 10, 4);
    struct gate gate;
    struct probe probes[4];
    uint32_t dones = 0;
    const uint64_t limits_us[] = {3600000000u, 60000, 90000, 30000};
    gate_init(&gate);
    for (unsigned i = 0; i < 4; i++) {
        probe_init(&probes[i], &gate);
        probes[i].dones = &dones;
        probes[i].job.run_timeout_us = limits_us[i];
        probe_submit(pool, &probes[i]);
    }
    tt_wake_flush(wake);
    gate_await(&gate, 4); /* on a busy machine they start at very different times */
    PROBE_TURN_UNTIL(wake, *probes[0].dones == 3);
    for (unsigned i = 1; i < 4; i++) {
        ck_assert_uint_eq(probes[i].done_order, place_by_deadline(probes, 4, &probes[i]));
        ck_assert_int_eq(probes[i].outcome, TT_EXPIRED_RUN);
        ck_assert_uint_ge(probes[i].job.run_us, limits_us[i]);
    }
    gate_open(&gate, 4);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&probes[0], TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/** The run clock starts with the function: time in the queue is not taken off it. */
START_TEST(run_time_counts_from_the_start) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 1);
    struct gate gate;
    struct probe first;
    struct probe second;
    struct probe timer;
    gate_init(&gate);
    probe_start(pool, &first, &gate);
    start_limited(pool, &second, &gate, 0, 40000);
    start_limited(pool, &timer, NULL, 60000, 0);
    PROBE_TURN_UNTIL(wake, timer.done_count == 1); /* longer than second may run */
    ck_assert_uint_eq(second.done_count, 0);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, second.done_count == 1);
    ck_assert_int_eq(second.outcome, TT_EXPIRED_RUN);
    ck_assert_uint_ge(second.job.queue_us, 60000);
    ck_assert_uint_ge(second.job.run_us, 40000);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/** Huge time-outs used to wrap round and expire at once. */
START_TEST(run_time_without_bound_never_expires) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 1);
    struct gate gate;
    struct probe probe;
    struct probe timer;
    gate_init(&gate);
    start_limited(pool, &probe, &gate, UINT64_MAX, UINT64_MAX);
    start_limited(pool, &timer, NULL, 30000, 0);
    PROBE_TURN_UNTIL(wake, timer.done_count == 1);
    ck_assert_uint_eq(probe.done_count, 0);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&probe, TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(absolute_deadline_ends_whichever_clock_runs) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe running;
    struct probe waiting;
    gate_init(&gate);
    uint64_t deadline_us = tti_clock_now_us() + 40000;
    probe_init(&running, &gate);
    running.job.queue_timeout_us = 5000; /* fires while it runs, and must not end it */
    running.job.deadline_us = deadline_us;
    running.job.run_timeout_us = 3600000000u;
    probe_submit(pool, &running);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    probe_init(&waiting, &gate);
    waiting.job.deadline_us = deadline_us;
    waiting.job.queue_timeout_us = 3600000000u;
    probe_submit(pool, &waiting);
    PROBE_TURN_UNTIL(wake, running.done_count == 1 && waiting.done_count == 1);
    ck_assert_int_eq(running.outcome, TT_EXPIRED_RUN);
    ck_assert_uint_ge(running.done_us, deadline_us);
    ck_assert_uint_ge(waiting.done_us, deadline_us);
    probe_assert_ended(&waiting, TT_EXPIRED_QUEUE);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    ck_assert_uint_eq(waiting.run_count, 0);
    gate_deinit(&gate);
}
END_TEST

START_TEST(deadline_in_the_past_expires_at_once) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe first;
    struct probe probe;
    gate_init(&gate);
    probe_start(pool, &first, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    probe_init(&probe, NULL);
    probe.job.deadline_us = 1;
    probe_submit(pool, &probe);
    PROBE_TURN_UNTIL(wake, probe.done_count == 1);
    probe_assert_ended(&probe, TT_EXPIRED_QUEUE);
    ck_assert_uint_eq(probe.run_count, 0);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static _Atomic uint64_t seen_remaining_us;
static _Atomic uint32_t seen_abandoned;

static enum tt_outcome ask_until_abandoned(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    atomic_store(&seen_remaining_us, tt_job_remaining_us(job));
    while (tt_job_is_abandoned(job) == 0)
        (void)sched_yield();
    atomic_store(&seen_abandoned, tt_job_remaining_us(job) == 0);
    return TT_DONE;
}

START_TEST(function_may_ask_how_long_it_has_and_whether_anybody_waits) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct probe probe;
    probe_init(&probe, NULL);
    probe.job.run = ask_until_abandoned;
    probe.job.run_timeout_us = 20000;
    probe_submit(pool, &probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&probe, TT_EXPIRED_RUN);
    ck_assert_uint_le(seen_remaining_us, 20000);
    ck_assert_uint_eq(seen_abandoned, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(spare_threads_stand_in_up_to_the_budget_and_capacity_comes_back) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 2);
    struct gate stuck_gate;
    struct gate gate;
    struct probe stuck[4];
    struct probe probes[3];
    gate_init(&stuck_gate);
    gate_init(&gate);
    for (unsigned i = 0; i < 4; i++) { /* two workers and both spares get stuck */
        start_limited(pool, &stuck[i], &stuck_gate, 0, 1000);
        PROBE_TURN_UNTIL(wake, stuck[i].done_count == 1);
        ck_assert_int_eq(stuck[i].outcome, TT_EXPIRED_RUN);
        ck_assert_uint_eq(probe_snapshot(pool).zombie_count, i + 1);
    }
    ck_assert_uint_eq(probe_snapshot(pool).thread_count, 4); /* not one more */
    for (unsigned i = 0; i < 3; i++)
        probe_start(pool, &probes[i], &gate);
    tt_wake_flush(wake);
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, 3);
    ck_assert_uint_eq(probe_snapshot(pool).busy_count + probe_snapshot(pool).idle_count, 0);
    gate_open(&stuck_gate, 1); /* one comes back: one job runs */
    gate_await(&gate, 1);
    ck_assert_uint_eq(probe_snapshot(pool).busy_count, 1);
    ck_assert_int_eq(tt_pool_set_limits(pool, 10, 3, 0), TT_OK); /* a bigger budget counts at once */
    gate_await(&gate, 1);
    ck_assert_uint_eq(probe_snapshot(pool).thread_count, 5);
    gate_open(&stuck_gate, 3);
    gate_open(&gate, 3);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool) && probe_snapshot(pool).thread_count == 2);
    for (unsigned i = 0; i < 4; i++)
        probe_assert_ended(&stuck[i], TT_EXPIRED_RUN);
    probe_end(wake, pool);
    gate_deinit(&stuck_gate);
    gate_deinit(&gate);
}
END_TEST

/** Each resize, even to the same number, used to start a full set of threads past the budget. */
START_TEST(resize_never_goes_beyond_workers_and_spares) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 1);
    struct gate gate;
    struct probe stuck[3];
    gate_init(&gate);
    for (unsigned i = 0; i < 3; i++) {
        start_limited(pool, &stuck[i], &gate, 0, 1000);
        PROBE_TURN_UNTIL(wake, stuck[i].done_count == 1);
    }
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(tt_pool_resize(pool, 2), TT_OK);
        ck_assert_uint_eq(probe_snapshot(pool).thread_count, 3);
    }
    ck_assert_int_eq(tt_pool_resize(pool, 4), TT_OK);
    ck_assert_uint_eq(probe_snapshot(pool).thread_count, 5);
    gate_open(&gate, 3);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool) && probe_snapshot(pool).thread_count == 4);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/** With nobody left to serve, the queue alone bounds what is accepted. */
START_TEST(zombies_leave_no_room_for_more_jobs_than_the_queue) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 1, 0);
    struct gate gate;
    struct probe stuck[2];
    struct probe probes[2];
    gate_init(&gate);
    for (unsigned i = 0; i < 2; i++)
        start_limited(pool, &stuck[i], &gate, 0, 1000);
    PROBE_TURN_UNTIL(wake, stuck[0].done_count + stuck[1].done_count == 2);
    probe_start(pool, &probes[0], NULL);
    probe_init(&probes[1], NULL);
    ck_assert_int_eq(tt_pool_submit(pool, &probes[1].job), TT_FULL);
    gate_open(&gate, 2);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&probes[0], TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static enum tt_outcome run_about_a_millisecond(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    uint64_t due_us = tti_clock_now_us() + 900 + (uintptr_t)job / 64 % 4 * 100;
    while (tti_clock_now_us() < due_us) {
    }
    return TT_DONE;
}

/** Functions that return just when their deadline passes: done once, release once, whoever wins. */
START_TEST(finish_and_expire_exclude_each_other) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 1000, 2);
    static struct probe probes[600];
    for (unsigned i = 0; i < COUNT_OF(probes); i++) {
        probe_init(&probes[i], NULL);
        probes[i].job.run = run_about_a_millisecond;
        probes[i].job.run_timeout_us = 1000;
        probe_submit(pool, &probes[i]);
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < COUNT_OF(probes); i++)
        probe_assert_ended(&probes[i], probes[i].outcome == TT_DONE ? TT_DONE : TT_EXPIRED_RUN);
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("deadline");
    TCase *tests = tcase_create("deadline");
    tcase_set_timeout(tests, 90);
    tcase_add_test(tests, job_whose_queue_time_is_over_never_runs);
    tcase_add_test(tests, deadline_in_the_past_expires_at_once);
    tcase_add_test(tests, zombies_leave_no_room_for_more_jobs_than_the_queue);
    tcase_add_test(tests, pools_queue_time_counts_where_the_job_has_none);
    tcase_add_test(tests, start_and_expire_exclude_each_other);
    tcase_add_test(tests, finish_and_expire_exclude_each_other);
    tcase_add_test(tests, done_comes_at_the_run_deadline_and_release_when_the_function_returns);
    tcase_add_test(tests, run_deadlines_of_many_jobs_come_in_their_order);
    tcase_add_test(tests, run_time_counts_from_the_start);
    tcase_add_test(tests, run_time_without_bound_never_expires);
    tcase_add_test(tests, absolute_deadline_ends_whichever_clock_runs);
    tcase_add_test(tests, function_may_ask_how_long_it_has_and_whether_anybody_waits);
    tcase_add_test(tests, spare_threads_stand_in_up_to_the_budget_and_capacity_comes_back);
    tcase_add_test(tests, resize_never_goes_beyond_workers_and_spares);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
