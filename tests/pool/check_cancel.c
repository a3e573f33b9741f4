/* Cancel and abandon: what can be taken back, and what can only be given up. */
#include "probe.h"

#include <tothread/watch.h>

START_TEST(job_that_was_never_submitted_cannot_be_cancelled) {
    struct probe probe;
    probe_init(&probe, NULL);
    ck_assert_int_eq(tt_job_cancel(&probe.job), TT_INVALID);
    ck_assert_int_eq(tt_job_abandon(&probe.job), TT_INVALID);
}
END_TEST

START_TEST(job_that_has_ended_cannot_be_cancelled) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct probe probe;
    probe_start(pool, &probe, NULL);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(tt_job_cancel(&probe.job), TT_INVALID);
    ck_assert_int_eq(tt_job_abandon(&probe.job), TT_INVALID);
    probe_end(wake, pool);
}
END_TEST

START_TEST(running_job_is_too_late_to_cancel) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    probe_start(pool, &probe, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_cancel(&probe.job), TT_TOO_LATE);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&probe, TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(abandon_without_release_is_refused) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    probe_init(&probe, &gate);
    probe.job.release = NULL;
    probe_submit(pool, &probe);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_abandon(&probe.job), TT_INVALID);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(probe.outcome, TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(cancelled_job_never_runs_and_its_done_waits_for_dispatch) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe first;
    struct probe queued;
    struct probe batched;
    gate_init(&gate);
    probe_start(pool, &first, &gate);
    probe_start(pool, &queued, NULL);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    probe_start(pool, &batched, NULL); /* still in the batch of this turn */
    struct probe *both[] = {&queued, &batched};
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(tt_job_cancel(&both[i]->job), TT_OK);
        ck_assert_uint_eq(both[i]->done_count, 0);
        ck_assert_int_eq(tt_job_cancel(&both[i]->job), TT_TOO_LATE); /* a second time */
        ck_assert_int_eq(tt_job_abandon(&both[i]->job), TT_TOO_LATE);
    }
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, 0);
    ck_assert_int_eq(tt_wake_prepare(wake), 0); /* the loop must not sleep on it */
    (void)tt_wake_dispatch(wake, 100);
    for (unsigned i = 0; i < 2; i++)
        probe_assert_ended(both[i], TT_CANCELLED);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(queued.run_count + batched.run_count, 0);
    probe_assert_ended(&first, TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(cancelled_job_makes_room_in_the_queue) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct gate gate;
    struct probe probes[3];
    gate_init(&gate);
    probe_start(pool, &probes[0], &gate);
    probe_start(pool, &probes[1], NULL);
    probe_init(&probes[2], NULL);
    ck_assert_int_eq(tt_pool_submit(pool, &probes[2].job), TT_FULL);
    ck_assert_int_eq(tt_job_cancel(&probes[1].job), TT_OK);
    (void)tt_wake_dispatch(wake, 100);
    probe_submit(pool, &probes[2]);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/** O(1): taking back from the middle of 100,000 must not walk them. */
START_TEST(cancel_does_not_walk_the_queue) {
    enum { COUNT = 100000 };
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, COUNT, 0);
    struct gate gate;
    struct probe first;
    static struct probe probes[COUNT];
    gate_init(&gate);
    probe_start(pool, &first, &gate);
    for (unsigned i = 0; i < COUNT; i++)
        probe_start(pool, &probes[i], NULL);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    unsigned cancelled = 0;
    uint64_t began_us = tti_clock_thread_cpu_us();
    for (unsigned i = 0; i < COUNT; i++) { /* from the middle outwards, without assertions: they cost more */
        unsigned place = i % 2 == 0 ? COUNT / 2 + i / 2 : COUNT / 2 - 1 - i / 2;
        cancelled += tt_job_cancel(&probes[place].job) == TT_OK;
    }
    ck_assert_uint_lt(tti_clock_thread_cpu_us() - began_us, 1000000); /* walking would be 2,500,000,000 steps */
    ck_assert_uint_eq(cancelled, COUNT);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(probe_snapshot(pool).cancelled, COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        if (probes[i].done_count != 1 || probes[i].release_count != 1 || probes[i].run_count != 0)
            ck_abort_msg("job %u has ended in another way", i);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(abandoned_job_is_done_at_once_and_released_when_it_returns) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 1);
    struct gate gate;
    struct probe stuck;
    struct probe probe;
    gate_init(&gate);
    probe_start(pool, &stuck, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_abandon(&stuck.job), TT_OK);
    ck_assert_uint_eq(stuck.done_count, 0);
    ck_assert_int_eq(tt_job_abandon(&stuck.job), TT_TOO_LATE);
    ck_assert_int_eq(tt_job_cancel(&stuck.job), TT_TOO_LATE);
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(stuck.done_count, 1);
    ck_assert_int_eq(stuck.outcome, TT_ABANDONED);
    ck_assert_uint_eq(stuck.release_count, 0);
    ck_assert_int_eq(tt_job_abandon(&stuck.job), TT_TOO_LATE); /* after done, before release */
    ck_assert_int_eq(tt_pool_submit(pool, &stuck.job), TT_INVALID);
    probe_start(pool, &probe, NULL); /* the spare thread takes it */
    PROBE_TURN_UNTIL(wake, probe.done_count == 1);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&stuck, TT_ABANDONED);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(abandon_of_a_queued_job_cancels_it) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct probe probe;
    probe_start(pool, &probe, NULL);
    ck_assert_int_eq(tt_job_abandon(&probe.job), TT_OK);
    (void)tt_wake_dispatch(wake, 100);
    probe_assert_ended(&probe, TT_CANCELLED);
    ck_assert_uint_eq(probe.run_count, 0);
    probe_end(wake, pool);
}
END_TEST

/** Done before release, even when the function returns before the loop has come to say done. */
START_TEST(zombie_that_returns_before_its_done_is_done_first) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 100, 0);
    struct gate gate;
    struct probe probes[4];
    gate_init(&gate);
    for (unsigned i = 0; i < 4; i++)
        probe_start(pool, &probes[i], &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 4);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(tt_job_abandon(&probes[i].job), TT_OK);
    gate_open(&gate, 4);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).zombie_count == 0); /* all four stand on both lists */
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_eq(tt_wake_dispatch(wake, 1), 1);
        ck_assert_uint_eq(probes[i].done_count, 1);
        ck_assert_uint_eq(probes[i].release_count, 0);
    }
    ck_assert_uint_eq(tt_wake_dispatch(wake, 100), 4);
    for (unsigned i = 0; i < 4; i++)
        probe_assert_ended(&probes[i], TT_ABANDONED);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static struct probe chain[50];

static void cancel_next(struct tt_job *job) {
    struct probe *probe = PROBE_OF(job);
    probe_done(job);
    if (probe + 1 < chain + COUNT_OF(chain))
        ck_assert_int_eq(tt_job_cancel(&probe[1].job), TT_OK);
}

START_TEST(done_may_cancel_other_jobs) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 100, 0);
    struct gate gate;
    struct probe first;
    gate_init(&gate);
    probe_start(pool, &first, &gate);
    for (unsigned i = 0; i < COUNT_OF(chain); i++) {
        probe_init(&chain[i], NULL);
        chain[i].job.done = cancel_next;
        probe_submit(pool, &chain[i]);
    }
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_cancel(&chain[0].job), TT_OK);
    PROBE_TURN_UNTIL(wake, chain[COUNT_OF(chain) - 1].done_count == 1);
    for (unsigned i = 0; i < COUNT_OF(chain); i++)
        probe_assert_ended(&chain[i], TT_CANCELLED);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/** Cancel against workers at full speed: what was cancelled never ran, what was too late always did. */
START_TEST(cancel_and_start_exclude_each_other) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 100, 0);
    static struct probe probes[20000];
    static enum tt_status said[COUNT_OF(probes)];
    for (unsigned i = 0; i < COUNT_OF(probes); i++) {
        probe_init(&probes[i], NULL);
        while (tt_pool_submit(pool, &probes[i].job) == TT_FULL)
            probe_turn(wake);
        if (i % 3 == 0)
            tt_wake_flush(wake);
        said[i] = i >= 2 ? tt_job_cancel(&probes[i - 2].job) : TT_INVALID;
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 2; i < COUNT_OF(probes); i++) {
        probe_assert_ended(&probes[i - 2], said[i] == TT_OK ? TT_CANCELLED : TT_DONE);
        ck_assert_uint_eq(probes[i - 2].run_count, said[i] == TT_OK ? 0 : 1);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(job_whose_pool_has_ended_is_only_invalid) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, (uint32_t)_i, 10, 0);
    struct probe probe;
    struct tt_watch watch = {0};
    probe_start(pool, &probe, NULL);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    tt_pool_destroy(pool);
    ck_assert_int_eq(tt_job_cancel(&probe.job), TT_INVALID);
    ck_assert_int_eq(tt_job_abandon(&probe.job), TT_INVALID);
    ck_assert_int_eq(tt_job_interrupt(&probe.job), TT_INVALID);
    ck_assert_int_eq(tt_watch_start(&watch, &probe.job), TT_INVALID);
    tt_wake_destroy(wake);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cancel");
    TCase *tests = tcase_create("cancel");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, job_that_was_never_submitted_cannot_be_cancelled);
    tcase_add_test(tests, job_that_has_ended_cannot_be_cancelled);
    tcase_add_test(tests, running_job_is_too_late_to_cancel);
    tcase_add_test(tests, abandon_without_release_is_refused);
    tcase_add_test(tests, cancelled_job_never_runs_and_its_done_waits_for_dispatch);
    tcase_add_test(tests, cancelled_job_makes_room_in_the_queue);
    tcase_add_test(tests, cancel_does_not_walk_the_queue);
    tcase_add_test(tests, abandoned_job_is_done_at_once_and_released_when_it_returns);
    tcase_add_test(tests, abandon_of_a_queued_job_cancels_it);
    tcase_add_test(tests, zombie_that_returns_before_its_done_is_done_first);
    tcase_add_test(tests, done_may_cancel_other_jobs);
    tcase_add_test(tests, cancel_and_start_exclude_each_other);
    tcase_add_loop_test(tests, job_whose_pool_has_ended_is_only_invalid, 0, 2);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
