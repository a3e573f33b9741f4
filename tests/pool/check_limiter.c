/* The limiter: never more than N inside, whatever happens to those that wait. */
#include "probe.h"

struct crowd {
    _Atomic uint32_t inside;
    _Atomic uint32_t most; /* ever */
    _Atomic uint32_t order;
};

struct member {
    struct probe probe;
    struct crowd *crowd;
    uint32_t started_as; /* the how-manieth; written by run, read after done */
};

static enum tt_outcome member_run(struct tt_job *job, void *worker_state) {
    struct member *member = (struct member *)PROBE_OF(job);
    struct crowd *crowd = member->crowd;
    uint32_t inside = atomic_fetch_add(&crowd->inside, 1) + 1;
    uint32_t most = atomic_load(&crowd->most);
    while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside)) {
    }
    member->started_as = atomic_fetch_add(&crowd->order, 1) + 1;
    enum tt_outcome outcome = probe_run(job, worker_state);
    atomic_fetch_sub(&crowd->inside, 1);
    return outcome;
}

static void member_init(struct member *member, struct crowd *crowd, struct tt_limiter *limiter, struct gate *gate) {
    probe_init(&member->probe, gate);
    member->crowd = crowd;
    member->probe.job.run = member_run;
    member->probe.job.limiter = limiter;
}

static void member_start(struct tt_pool *pool, struct member *member, struct crowd *crowd, struct tt_limiter *limiter,
                         struct gate *gate) {
    member_init(member, crowd, limiter, gate);
    probe_submit(pool, &member->probe);
}

static void assert_at_rest(const struct tt_limiter *limiter) {
    ck_assert_uint_eq(limiter->used_count, 0);
    ck_assert_uint_eq(limiter->waiting_count, 0);
    ck_assert_ptr_null(limiter->first);
    ck_assert_ptr_null(limiter->last);
}

START_TEST(never_more_than_the_limit_are_inside) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 8, 2000, 0);
    struct tt_limiter limiter = {.permit_count = 3};
    struct crowd crowd = {0};
    static struct member members[2000];
    for (unsigned i = 0; i < COUNT_OF(members); i++)
        member_start(pool, &members[i], &crowd, &limiter, NULL);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_le(crowd.most, 3);
    for (unsigned i = 0; i < COUNT_OF(members); i++)
        probe_assert_ended(&members[i].probe, TT_DONE);
    assert_at_rest(&limiter);
    probe_end(wake, pool);
}
END_TEST

/** The honest part: a job whose caller was told "time is over" still holds its permit. */
START_TEST(limit_of_one_is_never_entered_twice_even_after_time_outs) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 10, 4);
    struct tt_limiter limiter = {.permit_count = 1};
    struct crowd crowd = {0};
    struct gate gate;
    struct member members[5];
    gate_init(&gate);
    for (unsigned i = 0; i < 5; i++) {
        member_init(&members[i], &crowd, &limiter, &gate);
        members[i].probe.job.run_timeout_us = 5000;
        probe_submit(pool, &members[i].probe);
    }
    for (unsigned i = 0; i < 5; i++) {
        PROBE_TURN_UNTIL(wake, members[i].probe.done_count == 1);
        ck_assert_int_eq(members[i].probe.outcome, TT_EXPIRED_RUN);
        gate_await(&gate, 1); /* its time may be over before its thread has come to the function */
        ck_assert_uint_eq(crowd.inside, 1);
        ck_assert_uint_eq(crowd.order, i + 1); /* the next one has not begun: the function is still inside */
        ck_assert_uint_eq(limiter.used_count, 1);
        gate_open(&gate, 1);
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(crowd.most, 1);
    assert_at_rest(&limiter);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(waiting_jobs_go_in_the_order_of_their_submits) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 200, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct crowd crowd = {0};
    static struct member members[200];
    for (unsigned i = 0; i < COUNT_OF(members); i++) {
        member_start(pool, &members[i], &crowd, &limiter, NULL);
        if (i % 20 == 0) /* late ones must not overtake those that wait */
            probe_turn(wake);
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < COUNT_OF(members); i++)
        ck_assert_uint_eq(members[i].started_as, i + 1);
    assert_at_rest(&limiter);
    probe_end(wake, pool);
}
END_TEST

START_TEST(others_pass_by_those_that_wait_for_a_permit) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct crowd crowd = {0};
    struct gate gate;
    struct member members[3];
    struct probe free_one;
    gate_init(&gate);
    for (unsigned i = 0; i < 3; i++)
        member_start(pool, &members[i], &crowd, &limiter, &gate);
    probe_start(pool, &free_one, NULL);
    PROBE_TURN_UNTIL(wake, free_one.done_count == 1);
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, 2); /* they count as waiting */
    ck_assert_uint_eq(limiter.waiting_count, 2);
    gate_open(&gate, 3);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(waiting_for_a_permit_counts_against_the_queue_limit) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 2, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct crowd crowd = {0};
    struct gate gate;
    struct member members[4];
    gate_init(&gate);
    for (unsigned i = 0; i < 3; i++)
        member_start(pool, &members[i], &crowd, &limiter, &gate);
    member_init(&members[3], &crowd, &limiter, &gate);
    ck_assert_int_eq(tt_pool_submit(pool, &members[3].probe.job), TT_FULL);
    ck_assert_uint_eq(limiter.waiting_count, 2);
    gate_open(&gate, 3);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(waiting_jobs_can_be_cancelled_and_expire) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 10, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct crowd crowd = {0};
    struct gate gate;
    struct member members[5];
    gate_init(&gate);
    for (unsigned i = 0; i < 5; i++) {
        member_init(&members[i], &crowd, &limiter, &gate);
        if (i == 2)
            members[i].probe.job.queue_timeout_us = 10000;
        probe_submit(pool, &members[i].probe);
    }
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_cancel(&members[1].probe.job), TT_OK);
    ck_assert_int_eq(tt_job_abandon(&members[4].probe.job), TT_OK);
    PROBE_TURN_UNTIL(wake, members[2].probe.done_count == 1);
    probe_assert_ended(&members[1].probe, TT_CANCELLED);
    probe_assert_ended(&members[2].probe, TT_EXPIRED_QUEUE);
    probe_assert_ended(&members[4].probe, TT_CANCELLED);
    ck_assert_uint_eq(limiter.waiting_count, 1);
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, 1);
    gate_open(&gate, 2);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&members[3].probe, TT_DONE);
    ck_assert_uint_eq(crowd.order, 2);
    ck_assert_uint_eq(crowd.most, 1);
    assert_at_rest(&limiter);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/** It has a permit, but waits for a worker: the permit must come back. */
START_TEST(cancelled_holder_of_a_permit_gives_it_back) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct crowd crowd = {0};
    struct gate gate;
    struct probe first;
    struct member members[2];
    gate_init(&gate);
    probe_start(pool, &first, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    member_start(pool, &members[0], &crowd, &limiter, NULL);
    member_start(pool, &members[1], &crowd, &limiter, NULL);
    tt_wake_flush(wake);
    ck_assert_uint_eq(limiter.used_count, 1);
    ck_assert_int_eq(tt_job_cancel(&members[0].probe.job), TT_OK);
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(limiter.used_count, 1); /* the second one's now */
    ck_assert_uint_eq(limiter.waiting_count, 0);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&members[1].probe, TT_DONE);
    assert_at_rest(&limiter);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(resize_up_lets_waiting_jobs_go_and_down_takes_effect_as_jobs_end) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 8, 20, 0);
    struct tt_limiter limiter = {.permit_count = 2};
    struct crowd crowd = {0};
    struct gate gate;
    struct member members[12];
    gate_init(&gate);
    for (unsigned i = 0; i < 12; i++)
        member_start(pool, &members[i], &crowd, &limiter, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 2);
    ck_assert_uint_eq(limiter.waiting_count, 10);
    tt_limiter_resize(&limiter, 5);
    tt_wake_flush(wake);
    gate_await(&gate, 3);
    ck_assert_uint_eq(crowd.inside, 5);
    tt_limiter_resize(&limiter, 1);
    for (unsigned i = 0; i < 4; i++) {
        gate_open(&gate, 1);
        PROBE_TURN_UNTIL(wake, limiter.used_count == 4 - i);
        ck_assert_uint_eq(limiter.waiting_count, 7);
    }
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, limiter.waiting_count == 6);
    ck_assert_uint_eq(limiter.used_count, 1);
    tt_limiter_resize(&limiter, 0); /* no limit any more */
    ck_assert_uint_eq(limiter.waiting_count, 0);
    gate_open(&gate, 7);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    assert_at_rest(&limiter);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(limit_that_comes_later_counts_those_inside) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 20, 0);
    struct tt_limiter limiter = {0};
    struct crowd crowd = {0};
    struct gate gate;
    struct member members[5];
    gate_init(&gate);
    for (unsigned i = 0; i < 3; i++)
        member_start(pool, &members[i], &crowd, &limiter, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 3);
    tt_limiter_resize(&limiter, 2);
    for (unsigned i = 3; i < 5; i++)
        member_start(pool, &members[i], &crowd, &limiter, &gate);
    ck_assert_uint_eq(limiter.waiting_count, 2);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, limiter.used_count == 2);
    ck_assert_uint_eq(limiter.waiting_count, 2);
    gate_open(&gate, 4);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    assert_at_rest(&limiter);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(limiter_is_shared_by_pools) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pools[] = {probe_pool(wake, 2, 500, 0), probe_pool(wake, 2, 500, 0)};
    struct tt_limiter limiter = {.permit_count = 1};
    struct crowd crowd = {0};
    static struct member members[500];
    for (unsigned i = 0; i < COUNT_OF(members); i++)
        member_start(pools[i % 2], &members[i], &crowd, &limiter, NULL);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pools[0]) && tt_pool_is_idle(pools[1]));
    ck_assert_uint_eq(crowd.most, 1);
    for (unsigned i = 0; i < COUNT_OF(members); i++)
        ck_assert_uint_eq(members[i].started_as, i + 1);
    assert_at_rest(&limiter);
    probe_check_books(pools[0]);
    tt_pool_destroy(pools[0]);
    probe_end(wake, pools[1]);
}
END_TEST

/** A pool's end takes its own jobs out of a shared limiter, from the middle too, and leaves the others'. */
START_TEST(drain_cancels_those_behind_a_zombies_permit_and_no_others) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_pool *other = probe_pool(wake, 1, 10, 0);
    struct tt_limiter limiters[2] = {{.permit_count = 1}, {.permit_count = 1}};
    struct crowd crowd = {0};
    struct gate gate;
    struct member stuck;
    struct member members[8];
    gate_init(&gate);
    member_init(&stuck, &crowd, &limiters[0], &gate);
    stuck.probe.job.run_timeout_us = 1000;
    probe_submit(pool, &stuck.probe);
    for (unsigned i = 0; i < 8; i++)
        member_start(i % 2 == 0 ? pool : other, &members[i], &crowd, &limiters[i / 4], NULL);
    PROBE_TURN_UNTIL(wake, stuck.probe.done_count == 1);
    ck_assert_int_eq(stuck.probe.outcome, TT_EXPIRED_RUN);
    size_t left = tt_pool_drain(pool, 10000, NULL, 0);
    ck_assert_uint_ge(left, 3); /* the zombie and the two behind it, at least */
    for (unsigned i = 0; i < 4; i += 2)
        probe_assert_ended(&members[i].probe, TT_CANCELLED);
    for (unsigned i = 4; i < 8; i += 2)
        ck_assert_uint_eq(members[i].probe.done_count, 1);
    ck_assert_uint_eq(members[1].probe.done_count + members[3].probe.done_count, 0); /* the other pool's still wait */
    ck_assert_uint_eq(limiters[0].waiting_count, 2);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool) && tt_pool_is_idle(other));
    for (unsigned i = 1; i < 8; i += 2)
        probe_assert_ended(&members[i].probe, TT_DONE);
    assert_at_rest(&limiters[0]);
    assert_at_rest(&limiters[1]);
    probe_check_books(other);
    tt_pool_destroy(other);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(paused_limiter_gives_no_permit_and_its_numbers_say_so) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct tt_limiter_stats stats;
    struct probe probes[3];
    uint32_t dones = 0;
    tt_limiter_pause(&limiter);
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        probe_init(&probes[i], NULL);
        probes[i].job.limiter = &limiter;
        probes[i].dones = &dones;
        probe_submit(pool, &probes[i]);
    }
    (void)tt_wake_dispatch(wake, 100);
    tt_limiter_get_stats(&limiter, &stats);
    ck_assert(stats.is_paused);
    ck_assert_uint_eq(stats.waiting_count, 3);
    ck_assert_uint_eq(stats.used_count, 0);
    tt_limiter_resume(&limiter);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(dones, 3);
    tt_limiter_get_stats(&limiter, &stats);
    ck_assert(!stats.is_paused);
    ck_assert_uint_eq(stats.permit_count, 1);
    ck_assert_uint_eq(stats.used_count, 0);
    ck_assert_uint_eq(stats.used_most, 1);
    ck_assert_uint_eq(stats.taken_total, 3);
    ck_assert_uint_eq(stats.waited_total, 3);
    ck_assert_uint_eq(stats.oldest_wait_us, 0);
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("limiter");
    TCase *tests = tcase_create("limiter");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, never_more_than_the_limit_are_inside);
    tcase_add_test(tests, limit_of_one_is_never_entered_twice_even_after_time_outs);
    tcase_add_test(tests, waiting_for_a_permit_counts_against_the_queue_limit);
    tcase_add_test(tests, waiting_jobs_can_be_cancelled_and_expire);
    tcase_add_test(tests, cancelled_holder_of_a_permit_gives_it_back);
    tcase_add_test(tests, waiting_jobs_go_in_the_order_of_their_submits);
    tcase_add_test(tests, others_pass_by_those_that_wait_for_a_permit);
    tcase_add_test(tests, resize_up_lets_waiting_jobs_go_and_down_takes_effect_as_jobs_end);
    tcase_add_test(tests, limit_that_comes_later_counts_those_inside);
    tcase_add_test(tests, limiter_is_shared_by_pools);
    tcase_add_test(tests, drain_cancels_those_behind_a_zombies_permit_and_no_others);
    tcase_add_test(tests, paused_limiter_gives_no_permit_and_its_numbers_say_so);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
