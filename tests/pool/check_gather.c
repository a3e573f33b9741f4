/* Gather: outcomes in the order of the arguments, told once, and what becomes of the others when one fails. */
#include "pool/internal.h"
#include "probe.h"

#include <tothread/context.h>
#include <tothread/gather.h>

#define MOST 6

struct bundle {
    struct tt_gather gather;
    struct tt_gather_item items[MOST];
    struct probe probes[MOST];
    unsigned done_count;
    unsigned release_count;
    unsigned done_children; /* children whose done had been called by then */
    unsigned released_children;
    struct tt_gather seen; /* as done saw them */
    struct tt_gather_item seen_items[MOST];
    bool detaches;              /* in done */
    struct tt_context *context; /* current in done */
};

static struct bundle bundle;
static struct gate gate;
static struct tt_wake *wake;
static struct tt_pool *pool;

static void on_done(struct tt_gather *gather) {
    ck_assert_ptr_eq(gather, &bundle.gather);
    ck_assert_uint_eq(bundle.done_count++, 0);
    bundle.context = tt_context_current();
    for (unsigned i = 0; i < MOST; i++)
        bundle.done_children += bundle.probes[i].done_count;
    bundle.seen = *gather;
    memcpy(bundle.seen_items, bundle.items, sizeof bundle.items);
    ck_assert_int_eq(tt_gather_cancel(gather, TT_STOP_ABANDON), TT_TOO_LATE); /* cancels nobody */
    if (bundle.detaches) {
        tt_gather_detach(gather);
        memset(&bundle.gather, 0xa5, sizeof bundle.gather); /* both are ours again */
        memset(bundle.items, 0xa5, sizeof bundle.items);
    }
}

static void on_release(struct tt_gather *gather) {
    ck_assert_ptr_eq(gather, &bundle.gather);
    ck_assert_uint_eq(bundle.done_count, 1);
    ck_assert_uint_eq(bundle.release_count++, 0);
    for (unsigned i = 0; i < MOST; i++)
        bundle.released_children += bundle.probes[i].release_count;
    memset(bundle.items, 0xa5, sizeof bundle.items); /* the library looks at none of it any more */
    memset(&bundle.gather, 0xa5, sizeof bundle.gather);
}

static void begin(uint32_t worker_count, uint32_t queue_limit) {
    wake = probe_wake();
    pool = probe_pool(wake, worker_count, queue_limit, 2);
    gate_init(&gate);
    memset(&bundle, 0, sizeof bundle);
    bundle.gather.done = on_done;
    bundle.gather.release = on_release;
    for (unsigned i = 0; i < MOST; i++) {
        probe_init(&bundle.probes[i], NULL);
        bundle.items[i].job = &bundle.probes[i].job;
    }
}

static void end(void) {
    probe_end(wake, pool);
    gate_deinit(&gate);
}

static void start(size_t count) {
    ck_assert_int_eq(tt_gather_start(&bundle.gather, pool, bundle.items, count), TT_OK);
    ck_assert_uint_eq(bundle.done_count + bundle.release_count, 0); /* never from inside the call */
}

static void turn_until_done(void) {
    PROBE_TURN_UNTIL(wake, bundle.done_count == 1);
}

static void turn_until_released(void) {
    PROBE_TURN_UNTIL(wake, bundle.release_count == 1);
}

/** Submits count children that stand at the gate, one a worker. */
static void start_at_gate(size_t count) {
    for (size_t i = 0; i < count; i++)
        bundle.probes[i].gate = &gate;
    start(count);
    tt_wake_flush(wake);
    gate_await(&gate, (unsigned)count);
}

static enum tt_outcome run_until_asked(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    sem_post(&gate.arrived);
    while (!tt_job_is_cancelled(job))
        (void)sched_yield();
    return TT_CANCELLED;
}

START_TEST(outcomes_come_in_the_order_of_the_arguments) {
    static const enum tt_outcome said[] = {TT_DONE, TT_FAILED, TT_DONE, TT_CRASHED, TT_DONE, TT_DONE};
    begin((uint32_t)_i, 10);
    for (unsigned i = 0; i < MOST; i++)
        bundle.probes[i].says = said[i];
    bundle.gather.flags = TT_GATHER_ALL;
    start(MOST);
    turn_until_done();
    ck_assert_int_eq(bundle.seen.outcome, TT_FAILED);
    ck_assert_uint_eq(bundle.seen.failed_count, 2);
    ck_assert(bundle.seen.first_failed == 1 || (_i != 0 && bundle.seen.first_failed == 3)); /* the first in time */
    ck_assert_uint_eq(bundle.done_children, MOST);
    for (unsigned i = 0; i < MOST; i++) {
        ck_assert_int_eq(bundle.seen_items[i].outcome, said[i]);
        ck_assert_int_eq(bundle.seen_items[i].status, TT_OK);
        ck_assert(!bundle.seen_items[i].was_cut);
    }
    turn_until_released();
    ck_assert_uint_eq(bundle.released_children, MOST);
    end();
}
END_TEST

START_TEST(all_done_is_done) {
    begin((uint32_t)_i, 10);
    start(3);
    turn_until_done();
    ck_assert_int_eq(bundle.seen.outcome, TT_DONE);
    ck_assert_uint_eq(bundle.seen.first_failed, 3);
    turn_until_released();
    end();
}
END_TEST

START_TEST(empty_gather_is_done_in_the_next_dispatch) {
    begin((uint32_t)_i, 10);
    ck_assert_int_eq(tt_gather_start(&bundle.gather, pool, NULL, 0), TT_OK);
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ASK), TT_TOO_LATE);
    ck_assert_uint_eq(bundle.done_count, 0);
    ck_assert_int_eq(tt_wake_prepare(wake), 0); /* the loop must not sleep on it */
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(bundle.done_count, 1);
    ck_assert_int_eq(bundle.seen.outcome, TT_DONE);
    turn_until_released();
    end();
}
END_TEST

START_TEST(same_job_twice_runs_once_and_appears_twice) {
    begin((uint32_t)_i, 10);
    bundle.items[2].job = &bundle.probes[0].job;
    start(3);
    turn_until_released();
    ck_assert_uint_eq(bundle.probes[0].run_count, 1);
    ck_assert_uint_eq(bundle.probes[1].run_count, 1);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(bundle.seen_items[i].outcome, TT_DONE);
    end();
}
END_TEST

START_TEST(job_that_is_inside_already_is_only_watched) {
    begin((uint32_t)_i, 10);
    probe_submit(pool, &bundle.probes[0]);
    start(2);
    turn_until_released();
    ck_assert_uint_eq(bundle.probes[0].run_count, 1);
    ck_assert_int_eq(bundle.seen_items[0].outcome, TT_DONE);
    end();
}
END_TEST

START_TEST(gather_over_ended_zombies_is_done_in_the_next_dispatch) {
    begin(1, 10);
    bundle.probes[0].gate = &gate;
    probe_submit(pool, &bundle.probes[0]);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_abandon(&bundle.probes[0].job), TT_OK);
    (void)tt_wake_dispatch(wake, 10);
    start(1);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(bundle.done_count, 1);
    ck_assert_int_eq(bundle.seen_items[0].outcome, TT_ABANDONED);
    ck_assert_int_eq(bundle.seen.outcome, TT_FAILED);
    ck_assert_uint_eq(bundle.release_count, 0);
    gate_open(&gate, 1);
    turn_until_released();
    end();
}
END_TEST

static void start_over_zombie(struct tt_job *job) {
    probe_done(job);
    start(1);
}

/** Started in a done function, its only child released in the same dispatch: release still comes after done. */
START_TEST(release_of_all_children_before_done_is_not_too_early) {
    begin(1, 10);
    struct probe starter;
    bundle.probes[0].gate = &gate;
    probe_submit(pool, &bundle.probes[0]);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_abandon(&bundle.probes[0].job), TT_OK);
    (void)tt_wake_dispatch(wake, 10);
    probe_init(&starter, NULL);
    starter.job.done = start_over_zombie;
    probe_submit(pool, &starter);
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(atomic_load(&wake->finished) != NULL); /* a worker is idle a moment before */
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).zombie_count == 0); /* both stand on the completion list */
    turn_until_released();                                     /* which asserts the order */
    ck_assert_uint_eq(bundle.released_children, 1);
    end();
}
END_TEST

START_TEST(first_failure_is_told_at_once_and_the_others_go_on) {
    begin(2, 10);
    bundle.probes[1].says = TT_FAILED;
    bundle.probes[0].gate = &gate;
    start(3);
    turn_until_done();
    ck_assert_int_eq(bundle.seen.outcome, TT_FAILED);
    ck_assert_uint_eq(bundle.seen.first_failed, 1);
    ck_assert_int_eq(bundle.seen_items[0].outcome, TT_NONE);
    PROBE_TURN_UNTIL(wake, bundle.probes[2].release_count == 1);
    ck_assert_uint_eq(bundle.release_count, 0);
    gate_open(&gate, 1);
    turn_until_released();
    probe_assert_ended(&bundle.probes[0], TT_DONE);
    ck_assert_uint_eq(bundle.released_children, 3);
    end();
}
END_TEST

START_TEST(child_that_somebody_cancelled_fails_and_the_gather_is_not_cancelled) {
    begin((uint32_t)_i, 10);
    bundle.gather.flags = TT_GATHER_ALL;
    start(3);
    ck_assert_int_eq(tt_job_cancel(&bundle.probes[1].job), TT_OK);
    turn_until_done();
    ck_assert_int_eq(bundle.seen.outcome, TT_FAILED);
    ck_assert_uint_eq(bundle.seen.first_failed, 1);
    ck_assert_int_eq(bundle.seen_items[1].outcome, TT_CANCELLED);
    ck_assert_int_eq(bundle.seen_items[2].outcome, TT_DONE);
    turn_until_released();
    end();
}
END_TEST

START_TEST(refused_jobs_are_failed_items_and_the_rest_runs) {
    begin((uint32_t)_i, 2);
    for (unsigned i = 0; i < MOST; i++) /* with workers, they must not be free before all are submitted */
        bundle.probes[i].gate = _i != 0 ? &gate : NULL;
    bundle.gather.flags = TT_GATHER_ALL;
    start(MOST);
    gate_open(&gate, MOST);
    turn_until_done();
    unsigned capacity = 2 + (_i == 0 ? 1 : (unsigned)_i); /* the loop is the inline pool's worker */
    ck_assert_uint_eq(bundle.seen.first_failed, capacity);
    ck_assert_uint_eq(bundle.seen.failed_count, MOST - capacity);
    for (unsigned i = 0; i < MOST; i++) {
        ck_assert_int_eq(bundle.seen_items[i].status, i < capacity ? TT_OK : TT_FULL);
        ck_assert_int_eq(bundle.seen_items[i].outcome, i < capacity ? TT_DONE : TT_NONE);
    }
    turn_until_released();
    end();
}
END_TEST

START_TEST(first_refusal_is_told_in_the_next_dispatch) {
    begin(1, 1);
    start_at_gate(1); /* fills the worker */
    struct tt_gather second = {.done = NULL};
    struct tt_gather_item items[3] = {
        {.job = &bundle.probes[1].job}, {.job = &bundle.probes[2].job}, {.job = &bundle.probes[3].job}};
    ck_assert_int_eq(tt_gather_start(&second, pool, items, 3), TT_OK);
    ck_assert_int_eq(tt_gather_cancel(&second, TT_STOP_ASK), TT_TOO_LATE); /* decided */
    ck_assert_int_eq(second.outcome, TT_NONE);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_int_eq(second.outcome, TT_FAILED);
    ck_assert_uint_eq(second.first_failed, 1);
    ck_assert_int_eq(items[0].status, TT_OK);
    ck_assert_int_eq(items[1].status, TT_FULL);
    gate_open(&gate, 1);
    turn_until_released();
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(items[0].outcome, TT_DONE);
    end();
}
END_TEST

START_TEST(closed_pool_refuses_all_and_the_gather_ends) {
    begin((uint32_t)_i, 10);
    tt_pool_close(pool);
    start(3);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(bundle.done_count, 1);
    ck_assert_int_eq(bundle.seen.outcome, TT_FAILED);
    ck_assert_int_eq(bundle.seen_items[2].status, TT_CLOSED);
    ck_assert_uint_eq(bundle.seen.first_failed, 0);
    turn_until_released();
    end();
}
END_TEST

START_TEST(busy_gather_and_item_without_a_job_are_refused) {
    begin((uint32_t)_i, 10);
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ASK), TT_INVALID);
    bundle.items[1].job = NULL;
    ck_assert_int_eq(tt_gather_start(&bundle.gather, pool, bundle.items, 2), TT_INVALID);
    ck_assert(tt_pool_is_idle(pool)); /* nothing was submitted */
    bundle.items[1].job = &bundle.probes[1].job;
    start(2);
    ck_assert_int_eq(tt_gather_start(&bundle.gather, pool, bundle.items, 2), TT_INVALID);
    turn_until_released();
    end();
}
END_TEST

START_TEST(cancel_takes_back_what_waits_and_asks_what_runs) {
    begin(1, 10);
    bundle.gather.flags = _i == 0 ? 0 : TT_GATHER_ALL; /* the same with either flag */
    bundle.probes[0].job.run = run_until_asked;
    start(3);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ASK), TT_OK);
    ck_assert_uint_eq(bundle.done_count, 0);
    turn_until_done();
    ck_assert_int_eq(bundle.seen.outcome, TT_CANCELLED);
    ck_assert_uint_eq(bundle.done_children, 3);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(bundle.seen_items[i].outcome, TT_CANCELLED);
        ck_assert(bundle.seen_items[i].was_cut);
    }
    ck_assert_uint_eq(bundle.probes[1].run_count + bundle.probes[2].run_count, 0);
    turn_until_released();
    end();
}
END_TEST

START_TEST(cancelled_gather_waits_for_a_child_that_ignores_it) {
    begin(1, 10);
    start_at_gate(1);
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ASK), TT_OK);
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ASK), TT_OK); /* again is fine */
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(bundle.done_count, 0);
    gate_open(&gate, 1);
    turn_until_done();
    ck_assert_int_eq(bundle.seen.outcome, TT_CANCELLED);
    ck_assert_int_eq(bundle.seen_items[0].outcome, TT_DONE); /* its result is there all the same */
    turn_until_released();
    end();
}
END_TEST

START_TEST(abandon_ends_the_gather_at_once_and_release_waits_for_the_threads) {
    begin(2, 10);
    start_at_gate(2);
    if (_i == 1) { /* asked first, abandoned as they don't react */
        ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ASK), TT_OK);
        (void)tt_wake_dispatch(wake, 10);
    }
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ABANDON), TT_OK);
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ABANDON), TT_OK); /* on its way */
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(bundle.done_count, 1);
    ck_assert_int_eq(bundle.seen_items[0].outcome, TT_ABANDONED);
    ck_assert_int_eq(bundle.seen_items[1].outcome, TT_ABANDONED);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, bundle.probes[0].release_count + bundle.probes[1].release_count == 1);
    ck_assert_uint_eq(bundle.release_count, 0);
    gate_open(&gate, 1);
    turn_until_released();
    end();
}
END_TEST

START_TEST(child_without_a_release_function_is_asked_instead_of_abandoned) {
    begin(1, 10);
    bundle.probes[0].job.run = run_until_asked;
    bundle.probes[0].job.release = NULL;
    start(1);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ABANDON), TT_OK);
    turn_until_done();
    ck_assert_int_eq(bundle.seen_items[0].outcome, TT_CANCELLED);
    turn_until_released();
    end();
}
END_TEST

START_TEST(cancel_when_all_children_have_ended_unseen_is_too_late) {
    begin(1, 10);
    start_at_gate(1);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).busy_count == 0); /* on the completion list */
    PROBE_YIELD_UNTIL(tt_gather_cancel(&bundle.gather, TT_STOP_ASK) == TT_TOO_LATE);
    turn_until_done();
    ck_assert(bundle.seen.outcome == TT_DONE || bundle.seen.outcome == TT_CANCELLED);
    turn_until_released();
    end();
}
END_TEST

START_TEST(shielded_child_goes_on_and_the_gather_does_not_wait_for_it) {
    begin(1, 10);
    bundle.items[0].flags = TT_ITEM_SHIELD;
    bundle.probes[0].gate = &gate;
    start(3);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ABANDON), TT_OK);
    turn_until_done();
    ck_assert_int_eq(bundle.seen.outcome, TT_CANCELLED);
    ck_assert_int_eq(bundle.seen_items[0].outcome, TT_NONE);
    ck_assert_int_eq(bundle.seen_items[1].outcome, TT_CANCELLED);
    turn_until_released(); /* while the shielded one still runs */
    ck_assert_uint_eq(bundle.probes[0].done_count, 0);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&bundle.probes[0], TT_DONE);
    end();
}
END_TEST

START_TEST(gather_of_shielded_children_alone_is_done_in_the_dispatch_after_cancel) {
    begin((uint32_t)_i, 10);
    bundle.items[0].flags = TT_ITEM_SHIELD;
    bundle.items[1].flags = TT_ITEM_SHIELD;
    start(2);
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ASK), TT_OK);
    ck_assert_int_eq(tt_gather_cancel(&bundle.gather, TT_STOP_ASK), TT_TOO_LATE);
    ck_assert_uint_eq(bundle.done_count, 0);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(bundle.done_count, 1);
    ck_assert_int_eq(bundle.seen.outcome, TT_CANCELLED);
    ck_assert(bundle.seen_items[1].was_cut);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&bundle.probes[1], TT_DONE);
    turn_until_released();
    end();
}
END_TEST

START_TEST(time_out_cancels_waits_for_the_cancelled_and_says_which) {
    begin(2, 10);
    bundle.gather.timeout_us = 1000;
    bundle.gather.flags = TT_GATHER_ALL;
    bundle.probes[1].job.run = run_until_asked;
    start(2);
    turn_until_done();
    ck_assert_int_eq(bundle.seen.outcome, TT_EXPIRED_RUN);
    ck_assert_int_eq(bundle.seen_items[1].outcome, TT_CANCELLED);
    ck_assert(bundle.seen_items[1].was_cut);
    ck_assert_int_eq(bundle.seen_items[0].outcome,
                     bundle.seen_items[0].was_cut && bundle.probes[0].run_count == 0 ? TT_CANCELLED : TT_DONE);
    turn_until_released();
    end();
}
END_TEST

START_TEST(one_clock_covers_queue_and_run) {
    begin(1, 10);
    bundle.gather.timeout_us = 2000;
    bundle.gather.stop = TT_STOP_ABANDON;
    start_at_gate(1);
    struct tt_gather second = {.timeout_us = 1000};
    struct tt_gather_item item = {.job = &bundle.probes[1].job};
    ck_assert_int_eq(tt_gather_start(&second, pool, &item, 1), TT_OK);
    PROBE_TURN_UNTIL(wake, bundle.done_count == 1 && second.outcome != TT_NONE);
    ck_assert_int_eq(bundle.seen.outcome, TT_EXPIRED_RUN);
    ck_assert_int_eq(bundle.seen_items[0].outcome, TT_ABANDONED);
    ck_assert(item.outcome == TT_CANCELLED || bundle.probes[1].run_count == 1); /* the spare may have come in time */
    gate_open(&gate, 1);
    turn_until_released();
    end();
}
END_TEST

START_TEST(gather_that_ends_in_time_stops_its_clock) {
    begin((uint32_t)_i, 10);
    bundle.gather.timeout_us = 3600u * 1000000u;
    start(2);
    turn_until_released();
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    (void)tt_wake_dispatch(wake, 10);
    end();
}
END_TEST

START_TEST(detached_gather_hears_nothing_and_the_children_go_on) {
    begin((uint32_t)_i, 10);
    tt_gather_detach(&bundle.gather); /* fine for an idle one */
    bundle.gather.timeout_us = 3600u * 1000000u;
    start(3);
    tt_gather_detach(&bundle.gather);
    memset(&bundle.gather, 0xa5, sizeof bundle.gather);
    memset(bundle.items, 0xa5, sizeof bundle.items);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < 3; i++)
        probe_assert_ended(&bundle.probes[i], TT_DONE);
    ck_assert_uint_eq(bundle.done_count + bundle.release_count, 0);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    end();
}
END_TEST

START_TEST(done_may_detach_the_gather) {
    begin((uint32_t)_i, 10);
    bundle.detaches = true;
    if (_i % 2 == 0)
        bundle.probes[0].says = TT_FAILED; /* others are inside meanwhile */
    start(3);
    turn_until_done();
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(bundle.release_count, 0);
    end();
}
END_TEST

START_TEST(done_of_an_empty_gather_may_detach_it) {
    begin((uint32_t)_i, 10);
    bundle.detaches = true;
    start(0);
    turn_until_done();
    (void)tt_wake_dispatch(wake, 10);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(bundle.release_count, 0);
    end();
}
END_TEST

static unsigned rounds_left;
static unsigned rounds_done;

static void count_round(struct tt_gather *gather) {
    (void)gather;
    rounds_done++;
}

static void start_again(struct tt_gather *gather) {
    if (rounds_left-- > 0)
        ck_assert_int_eq(tt_gather_start(gather, pool, bundle.items, (size_t)(rounds_left % 3)), TT_OK);
}

START_TEST(release_may_start_it_again) {
    begin((uint32_t)_i, 10);
    bundle.gather.done = count_round;
    bundle.gather.release = start_again;
    rounds_left = 20;
    rounds_done = 0;
    for (unsigned i = 0; i < MOST; i++)
        bundle.probes[i].job.done = NULL;
    for (unsigned i = 0; i < MOST; i++)
        bundle.probes[i].job.release = NULL;
    start(3);
    PROBE_TURN_UNTIL(wake, rounds_done == 21);
    (void)tt_wake_dispatch(wake, 10); /* the last release may be due still */
    end();
}
END_TEST

/** A retry without a pause is rude, but it must not keep the jobs that are inside from their end. */
START_TEST(gather_that_tries_again_at_once_lets_the_loop_go_on) {
    begin(1, 1);
    struct probe first;
    struct probe second;
    probe_start(pool, &first, &gate);
    probe_start(pool, &second, NULL);
    bundle.gather.done = count_round;
    bundle.gather.release = start_again;
    rounds_left = 1000;
    rounds_done = 0;
    start(1);
    (void)tt_wake_dispatch(wake, 10);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_le(rounds_done, 2);
    gate_open(&gate, 1);
    bundle.gather.release = NULL;
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    end();
}
END_TEST

START_TEST(done_and_release_run_in_the_context_of_the_start) {
    begin((uint32_t)_i, 10);
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.tenant = "acme"}, NULL);
    struct tt_context *before = tt_context_enter(context);
    start((size_t)_i); /* 0: told from a timer */
    (void)tt_context_enter(before);
    tt_context_release(context); /* the gather holds it */
    turn_until_done();
    ck_assert_ptr_eq(bundle.context, context);
    ck_assert_ptr_null(tt_context_current());
    turn_until_released();
    end();
}
END_TEST

START_TEST(end_of_the_pool_ends_the_gather) {
    begin(1, 10);
    unsigned thread_count = probe_thread_count();
    bundle.gather.flags = TT_GATHER_ALL;
    start_at_gate(1);
    tt_pool_destroy(pool);
    ck_assert_uint_eq(bundle.done_count, 1);
    ck_assert_int_eq(bundle.seen_items[0].outcome, TT_ABANDONED);
    ck_assert_uint_eq(bundle.release_count, 0);
    tt_gather_detach(&bundle.gather); /* touches nothing of the job */
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(atomic_load(&bundle.probes[0].release_count) == 1); /* on its worker */
    PROBE_YIELD_UNTIL(probe_thread_count() < thread_count);
    tt_wake_destroy(wake);
}
END_TEST

static TCase *new_case(Suite *suite, const char *name) {
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    return tests;
}

int main(void) {
    Suite *suite = suite_create("gather");
    TCase *tests = new_case(suite, "normal"); /* 0 to 2 workers */
    tcase_add_loop_test(tests, outcomes_come_in_the_order_of_the_arguments, 0, 3);
    tcase_add_loop_test(tests, all_done_is_done, 0, 3);
    tcase_add_loop_test(tests, empty_gather_is_done_in_the_next_dispatch, 0, 3);
    tcase_add_loop_test(tests, same_job_twice_runs_once_and_appears_twice, 0, 3);
    tcase_add_loop_test(tests, job_that_is_inside_already_is_only_watched, 0, 3);
    tcase_add_test(tests, gather_over_ended_zombies_is_done_in_the_next_dispatch);
    tcase_add_test(tests, release_of_all_children_before_done_is_not_too_early);
    tcase_add_loop_test(tests, release_may_start_it_again, 0, 3);
    tcase_add_test(tests, gather_that_tries_again_at_once_lets_the_loop_go_on);
    tcase_add_loop_test(tests, done_and_release_run_in_the_context_of_the_start, 0, 3);
    tests = new_case(suite, "failures");
    tcase_add_test(tests, first_failure_is_told_at_once_and_the_others_go_on);
    tcase_add_loop_test(tests, child_that_somebody_cancelled_fails_and_the_gather_is_not_cancelled, 0, 3);
    tcase_add_loop_test(tests, refused_jobs_are_failed_items_and_the_rest_runs, 0, 3);
    tcase_add_test(tests, first_refusal_is_told_in_the_next_dispatch);
    tcase_add_loop_test(tests, closed_pool_refuses_all_and_the_gather_ends, 0, 3);
    tcase_add_loop_test(tests, busy_gather_and_item_without_a_job_are_refused, 0, 3);
    tests = new_case(suite, "cancel");
    tcase_add_loop_test(tests, cancel_takes_back_what_waits_and_asks_what_runs, 0, 2);
    tcase_add_test(tests, cancelled_gather_waits_for_a_child_that_ignores_it);
    tcase_add_loop_test(tests, abandon_ends_the_gather_at_once_and_release_waits_for_the_threads, 0, 2);
    tcase_add_test(tests, child_without_a_release_function_is_asked_instead_of_abandoned);
    tcase_add_test(tests, cancel_when_all_children_have_ended_unseen_is_too_late);
    tcase_add_test(tests, shielded_child_goes_on_and_the_gather_does_not_wait_for_it);
    tcase_add_loop_test(tests, gather_of_shielded_children_alone_is_done_in_the_dispatch_after_cancel, 0, 3);
    tcase_add_test(tests, time_out_cancels_waits_for_the_cancelled_and_says_which);
    tcase_add_test(tests, one_clock_covers_queue_and_run);
    tcase_add_loop_test(tests, gather_that_ends_in_time_stops_its_clock, 0, 3);
    tcase_add_loop_test(tests, detached_gather_hears_nothing_and_the_children_go_on, 0, 3);
    tcase_add_loop_test(tests, done_may_detach_the_gather, 0, 3);
    tcase_add_loop_test(tests, done_of_an_empty_gather_may_detach_it, 0, 3);
    tcase_add_test(tests, end_of_the_pool_ends_the_gather);
    return probe_main(suite);
}
