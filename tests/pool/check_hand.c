/* Hands of several jobs: the word itself, and a pool whose workers hold more than one. */
#include "pool/internal.h"
#include "probe.h"

#define MANY 40

static uint32_t dones;

static void deal(struct tti_hand *hand, struct tt_job *jobs, size_t count) {
    tti_hand_clear(hand);
    for (size_t i = 0; i < count; i++)
        tti_hand_add(hand, &jobs[i]);
    tti_hand_play(hand, 0);
}

START_TEST(worker_goes_through_its_hand_in_order) {
    struct tti_hand hand = {0};
    struct tt_job jobs[3] = {0};
    bool is_given_up;
    ck_assert_ptr_null(tti_hand_running(&hand));
    deal(&hand, jobs, 3);
    ck_assert_ptr_eq(tti_hand_running(&hand), &jobs[0]);
    ck_assert_uint_eq(tti_hand_waiting_count(&hand), 2);
    ck_assert_ptr_eq(tti_hand_advance(&hand, &is_given_up), &jobs[1]);
    ck_assert_ptr_eq(tti_hand_advance(&hand, &is_given_up), &jobs[2]);
    ck_assert_ptr_null(tti_hand_advance(&hand, &is_given_up));
    ck_assert(!is_given_up);
    ck_assert_ptr_null(tti_hand_running(&hand));
    ck_assert_uint_eq(tti_hand_waiting_count(&hand), 0);
}
END_TEST

START_TEST(job_taken_back_is_stepped_over_and_never_taken_twice) {
    struct tti_hand hand = {0};
    struct tt_job jobs[4] = {0};
    bool is_given_up;
    deal(&hand, jobs, 4);
    ck_assert(!tti_hand_take_back(&hand, &jobs[0])); /* it runs */
    ck_assert(tti_hand_take_back(&hand, &jobs[1]));
    ck_assert(!tti_hand_take_back(&hand, &jobs[1]));
    ck_assert_ptr_eq(tti_hand_steal(&hand), &jobs[2]);
    ck_assert_ptr_eq(tti_hand_advance(&hand, &is_given_up), &jobs[3]);
    ck_assert_ptr_null(tti_hand_steal(&hand));
    ck_assert(!tti_hand_take_back(&hand, &jobs[3]));
    ck_assert_ptr_null(tti_hand_advance(&hand, &is_given_up));
}
END_TEST

START_TEST(running_job_is_given_up_once_and_its_worker_hears_of_it) {
    struct tti_hand hand = {0};
    struct tt_job jobs[2] = {0};
    bool is_given_up;
    deal(&hand, jobs, 2);
    ck_assert(!tti_hand_give_up(&hand, &jobs[1])); /* it doesn't run yet */
    ck_assert(tti_hand_give_up(&hand, &jobs[0]));
    ck_assert(!tti_hand_give_up(&hand, &jobs[0]));
    ck_assert_ptr_null(tti_hand_running(&hand));
    ck_assert_ptr_eq(tti_hand_advance(&hand, &is_given_up), &jobs[1]);
    ck_assert(is_given_up);
    ck_assert_ptr_null(tti_hand_advance(&hand, &is_given_up));
    ck_assert(!is_given_up);
    ck_assert(!tti_hand_give_up(&hand, &jobs[1]));
}
END_TEST

START_TEST(late_word_about_an_earlier_deal_changes_nothing) {
    struct tti_hand hand = {0};
    struct tt_job old[2] = {0};
    struct tt_job new[2] = {0};
    bool is_given_up;
    deal(&hand, old, 2);
    (void)tti_hand_advance(&hand, &is_given_up);
    (void)tti_hand_advance(&hand, &is_given_up);
    deal(&hand, new, 2);
    ck_assert(!tti_hand_take_back(&hand, &old[1]));
    ck_assert(!tti_hand_give_up(&hand, &old[0]));
    ck_assert(!tti_hand_is_running(&hand, &old[0]));
    ck_assert(tti_hand_is_running(&hand, &new[0]));
    ck_assert_ptr_eq(tti_hand_advance(&hand, &is_given_up), &new[1]);
    ck_assert(!is_given_up);
}
END_TEST

/** As after a while of tiny jobs: the next deal of each worker may be a full hand. */
static void expect_tiny_jobs(struct tt_pool *pool) {
    PROBE_YIELD_UNTIL(probe_snapshot(pool).idle_count == probe_snapshot(pool).worker_target);
    tti_lock_enter(&pool->lock);
    for (struct tti_worker *worker = pool->workers; worker != NULL; worker = worker->next)
        worker->hand.next_count = TTI_HAND_MAX;
    tti_lock_leave(&pool->lock);
}

/** One job at the gate, with others behind it in the hand of the same worker. */
static void start_many(struct tt_wake *wake, struct tt_pool *pool, struct probe *probes, struct gate *gate) {
    expect_tiny_jobs(pool);
    for (size_t i = 0; i < MANY; i++) {
        probe_init(&probes[i], i == 0 ? gate : NULL);
        probes[i].job.name = i == 0 ? "stuck" : "waiting";
        probes[i].job.id = i == 1 ? "second" : NULL;
        probe_submit(pool, &probes[i]);
    }
    tt_wake_flush(wake);
    gate_await(gate, 1);
}

START_TEST(hand_of_a_stuck_worker_is_taken_over_by_the_others) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, MANY, 0);
    struct gate gate;
    struct probe probes[MANY];
    dones = 0;
    gate_init(&gate);
    start_many(wake, pool, probes, &gate);
    for (size_t i = 0; i < MANY; i++)
        probes[i].dones = &dones;
    PROBE_TURN_UNTIL(wake, dones == MANY - 1); /* while the first one is stuck */
    ck_assert_uint_eq(probes[0].done_count, 0);
    gate_open(&gate, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(job_in_a_hand_is_cancelled_like_a_queued_one) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, MANY, 0);
    struct gate gate;
    struct probe probes[MANY];
    gate_init(&gate);
    start_many(wake, pool, probes, &gate);
    struct tti_hand *hand = &pool->workers->hand;
    ck_assert_uint_eq(hand->count, TTI_HAND_MAX); /* or this test tests nothing */
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, MANY - 1);
    ck_assert_int_eq(tt_job_cancel(&probes[3].job), TT_OK);
    ck_assert_int_eq(tt_job_cancel(&probes[MANY - 1].job), TT_OK); /* this one is in the queue */
    ck_assert_int_eq(tt_job_cancel(&probes[0].job), TT_TOO_LATE);
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, MANY - 3);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    for (size_t i = 0; i < MANY; i++) {
        bool is_cancelled = i == 3 || i == MANY - 1;
        probe_assert_ended(&probes[i], is_cancelled ? TT_CANCELLED : TT_DONE);
        ck_assert_uint_eq(probes[i].run_count, is_cancelled ? 0 : 1);
    }
}
END_TEST

START_TEST(snapshot_shows_jobs_in_a_hand_as_queued) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, MANY, 0);
    struct gate gate;
    struct probe probes[MANY];
    struct tt_job_snapshot jobs[MANY];
    gate_init(&gate);
    start_many(wake, pool, probes, &gate);
    ck_assert_uint_eq(tt_pool_jobs(pool, jobs, MANY), MANY);
    ck_assert_int_eq(jobs[0].phase, TT_PHASE_RUNNING);
    ck_assert_str_eq(jobs[0].name, "stuck");
    for (size_t i = 1; i < MANY; i++) {
        ck_assert_int_eq(jobs[i].phase, TT_PHASE_QUEUED);
        ck_assert_str_eq(jobs[i].name, "waiting");
    }
    ck_assert_str_eq(jobs[1].id, "second");
    ck_assert_uint_eq(tt_pool_jobs(pool, jobs, 3), 3);
    gate_open(&gate, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(spare_thread_takes_over_the_hand_of_a_zombie) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, MANY, 1);
    struct gate gate;
    struct probe probes[MANY];
    dones = 0;
    gate_init(&gate);
    start_many(wake, pool, probes, &gate);
    for (size_t i = 0; i < MANY; i++)
        probes[i].dones = &dones;
    ck_assert_int_eq(tt_job_abandon(&probes[0].job), TT_OK);
    PROBE_TURN_UNTIL(wake, dones == MANY);
    ck_assert_int_eq(probes[0].outcome, TT_ABANDONED);
    ck_assert_uint_eq(probes[0].release_count, 0);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    for (size_t i = 1; i < MANY; i++)
        probe_assert_ended(&probes[i], TT_DONE);
}
END_TEST

START_TEST(drain_takes_back_what_waits_in_hands) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, MANY, 0);
    struct gate gate;
    struct probe probes[MANY];
    struct tt_job_snapshot left[MANY];
    gate_init(&gate);
    start_many(wake, pool, probes, &gate);
    ck_assert_uint_eq(tt_pool_drain(pool, 1000, left, MANY), MANY);
    ck_assert_int_eq(probes[0].outcome, TT_ABANDONED);
    for (size_t i = 1; i < MANY; i++)
        probe_assert_ended(&probes[i], TT_CANCELLED);
    gate_open(&gate, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(job_in_a_hand_expires_and_never_starts) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool_options options = {.name = "test", .worker_count = 1, .queue_limit = MANY, .queue_timeout_us = 2000};
    struct tt_pool *pool = probe_pool_with(wake, &options);
    struct gate gate;
    struct probe probes[MANY];
    dones = 0;
    gate_init(&gate);
    start_many(wake, pool, probes, &gate);
    for (size_t i = 0; i < MANY; i++)
        probes[i].dones = &dones;
    PROBE_TURN_UNTIL(wake, dones == MANY - 1);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    probe_assert_ended(&probes[0], TT_DONE);
    for (size_t i = 1; i < MANY; i++) {
        probe_assert_ended(&probes[i], TT_EXPIRED_QUEUE);
        ck_assert_uint_eq(probes[i].run_count, 0);
    }
}
END_TEST

static enum tt_outcome run_until_abandoned(struct tt_job *job, void *worker_state) {
    PROBE_YIELD_UNTIL(tt_job_is_abandoned(job));
    return probe_run(job, worker_state);
}

START_TEST(next_job_of_a_hand_is_given_up_although_its_worker_has_not_handed_back_the_last_one) {
    enum { ROUNDS = 50 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct tt_wake *wake = probe_wake();
        struct tt_pool *pool = probe_pool(wake, 1, MANY, 0);
        struct probe probes[3];
        expect_tiny_jobs(pool);
        for (size_t i = 0; i < COUNT_OF(probes); i++) {
            probe_init(&probes[i], NULL);
            probes[i].job.run = run_until_abandoned;
            probe_submit(pool, &probes[i]);
        }
        tt_wake_flush(wake);
        PROBE_YIELD_UNTIL(probe_snapshot(pool).busy_count == 1);
        tt_pool_destroy(pool); /* gives up what runs, time and again: it hung when the second one's was lost */
        tt_wake_destroy(wake);
        for (size_t i = 0; i < COUNT_OF(probes); i++) /* one that is still inside is released by its worker */
            PROBE_YIELD_UNTIL(atomic_load(&probes[i].release_count) == 1);
    }
}
END_TEST

START_TEST(worker_that_took_long_gets_one_job_at_a_time_again) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, MANY, 0);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    expect_tiny_jobs(pool);
    probe_start(pool, &probe, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    uint64_t began_us = tti_clock_now_us();
    while (tti_clock_now_us() < began_us + 1000) {
        /* the job takes a millisecond */
    }
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    PROBE_YIELD_UNTIL(probe_snapshot(pool).idle_count == 1);
    tti_lock_enter(&pool->lock); /* after its worker has parked */
    while (pool->idle == NULL) {
        tti_lock_leave(&pool->lock);
        (void)sched_yield();
        tti_lock_enter(&pool->lock);
    }
    ck_assert_uint_eq(pool->workers->hand.next_count, 1);
    tti_lock_leave(&pool->lock);
    probe_end(wake, pool);
}
END_TEST

/** As after a while of jobs of no length, with a worker that has just been dealt to and is back for more any moment. */
static void expect_trivial_jobs(struct tt_pool *pool) {
    tti_lock_enter(&pool->lock);
    pool->trivial_count = 1000;
    pool->trivial_us = 0;
    ck_assert_ptr_nonnull(pool->fresh);
    pool->fresh->hand.dealt_us = tti_clock_now_us() + PROBE_PATIENCE_US;
    tti_lock_leave(&pool->lock);
}

START_TEST(job_that_was_left_to_a_worker_that_got_stuck_is_run_by_another_one) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 2, 0);
    struct gate gate;
    struct probe stuck;
    struct probe left;
    gate_init(&gate);
    probe_start(pool, &stuck, &gate);
    (void)tt_wake_prepare(wake); /* from here on the loop is one that looks */
    gate_await(&gate, 1);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).idle_count == 1);
    expect_trivial_jobs(pool);
    probe_start(pool, &left, NULL);
    tt_wake_flush(wake);
    ck_assert_uint_eq(probe_snapshot(pool).idle_count, 1); /* nobody was woken */
    PROBE_TURN_UNTIL(wake, left.done_count == 1);
    ck_assert_uint_eq(stuck.done_count, 0);
    gate_open(&gate, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(loop_that_does_not_prepare_leaves_no_job_to_a_stuck_worker) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 2, 0);
    struct gate gate;
    struct probe probes[2];
    gate_init(&gate);
    probe_start(pool, &probes[0], &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).idle_count == 1);
    expect_trivial_jobs(pool);
    probe_start(pool, &probes[1], &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1); /* without any further turn of the loop */
    gate_open(&gate, 2);
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        worker_goes_through_its_hand_in_order,
        job_taken_back_is_stepped_over_and_never_taken_twice,
        running_job_is_given_up_once_and_its_worker_hears_of_it,
        late_word_about_an_earlier_deal_changes_nothing,
        hand_of_a_stuck_worker_is_taken_over_by_the_others,
        job_in_a_hand_is_cancelled_like_a_queued_one,
        snapshot_shows_jobs_in_a_hand_as_queued,
        spare_thread_takes_over_the_hand_of_a_zombie,
        drain_takes_back_what_waits_in_hands,
        job_in_a_hand_expires_and_never_starts,
        next_job_of_a_hand_is_given_up_although_its_worker_has_not_handed_back_the_last_one,
        worker_that_took_long_gets_one_job_at_a_time_again,
        job_that_was_left_to_a_worker_that_got_stuck_is_run_by_another_one,
        loop_that_does_not_prepare_leaves_no_job_to_a_stuck_worker,
    };
    return probe_run_all("hand", tests, COUNT_OF(tests));
}
