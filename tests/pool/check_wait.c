/* Wait and each: who hears what of a set of jobs, and that nothing happens to the jobs for it. */
#include "probe.h"

#include <tothread/context.h>
#include <tothread/wait.h>

#define MOST 5

static struct tt_wake *wake;
static struct tt_pool *pool;
static struct gate gate;
static struct probe probes[MOST];
static struct tt_wait_item items[MOST];
static struct tt_wait wait_;
static struct tt_each each;
static unsigned over_count;  /* calls of done or on_end */
static bool frees;           /* done, on_item or on_end wipe the memory that is theirs again */
static unsigned order[MOST]; /* indexes in the order in which each told of them */
static unsigned told_count;
static struct tt_context *seen_context;

static void begin(uint32_t worker_count) {
    wake = probe_wake();
    pool = probe_pool(wake, worker_count, 10, 2);
    gate_init(&gate);
    for (unsigned i = 0; i < MOST; i++) {
        probe_init(&probes[i], NULL);
        items[i] = (struct tt_wait_item){.job = &probes[i].job};
    }
}

static void end(void) {
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    PROBE_TURN_UNTIL(wake, tt_wake_prepare(wake) == -1); /* no clock runs on; a thread too many may still go */
    (void)tt_wake_dispatch(wake, 10);
    probe_end(wake, pool);
    gate_deinit(&gate);
}

static void submit(unsigned count) {
    for (unsigned i = 0; i < count; i++)
        probe_submit(pool, &probes[i]);
}

static void on_over(struct tt_wait *wait) {
    over_count++;
    seen_context = tt_context_current();
    ck_assert(wait->is_over);
    if (frees) {
        tt_wait_stop(wait);
        memset(items, 0xa5, sizeof items);
        memset(&wait_, 0xa5, sizeof wait_);
    }
}

/** What was given back and wiped is not written to later. */
static void check_wiped(const void *memory, size_t size) {
    for (size_t i = 0; i < size; i++)
        ck_assert_uint_eq(((const unsigned char *)memory)[i], 0xa5);
}

static enum tt_status try_wait(enum tt_wait_when when, size_t count) {
    wait_.done = on_over;
    wait_.when = when;
    enum tt_status status = tt_wait_start(&wait_, wake, items, count);
    ck_assert_uint_eq(over_count, 0); /* never from inside the call */
    return status;
}

static void start_wait(enum tt_wait_when when, size_t count) {
    over_count = 0;
    ck_assert_int_eq(try_wait(when, count), TT_OK);
}

static void turn_until_over(void) {
    PROBE_TURN_UNTIL(wake, over_count == 1);
}

START_TEST(wait_for_all_comes_after_the_last) {
    begin((uint32_t)_i);
    probes[1].says = TT_FAILED;
    submit(3);
    start_wait(TT_WAIT_ALL, 3);
    turn_until_over();
    ck_assert_uint_eq(wait_.ended_count, 3);
    ck_assert_uint_eq(wait_.failed_count, 1);
    ck_assert_uint_eq(wait_.set_count, 3);
    ck_assert(!wait_.is_timed_out);
    ck_assert_int_eq(items[0].outcome, TT_DONE);
    ck_assert_int_eq(items[1].outcome, TT_FAILED);
    end();
}
END_TEST

START_TEST(first_done_says_who_is_pending_and_the_pending_go_on) {
    begin(2);
    probes[0].gate = &gate;
    submit(2);
    start_wait(TT_WAIT_FIRST_DONE, 2);
    turn_until_over();
    ck_assert_uint_eq(wait_.ended_count, 1);
    ck_assert_int_eq(items[0].outcome, TT_NONE);
    ck_assert_int_eq(items[1].outcome, TT_DONE);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(over_count, 1);
    ck_assert_int_eq(items[0].outcome, TT_DONE); /* remembered between two waits */
    end();
}
END_TEST

START_TEST(first_failed_passes_over_success_and_over_cancelled_jobs) {
    begin(1);
    probes[0].gate = &gate;
    probes[2].says = TT_CRASHED;
    probes[3].gate = &gate;
    submit(4);
    start_wait(TT_WAIT_FIRST_FAILED, 4);
    ck_assert_int_eq(tt_job_cancel(&probes[1].job), TT_OK);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_int_eq(items[1].outcome, TT_CANCELLED);
    ck_assert_uint_eq(over_count, 0);
    gate_open(&gate, 1);
    turn_until_over();
    ck_assert_int_eq(items[2].outcome, TT_CRASHED);
    ck_assert_uint_eq(wait_.failed_count, 1);
    ck_assert_uint_eq(wait_.ended_count, 3);
    gate_open(&gate, 1);
    end();
}
END_TEST

START_TEST(first_failed_ends_with_the_last_when_none_fails) {
    begin((uint32_t)_i);
    submit(3);
    start_wait(TT_WAIT_FIRST_FAILED, 3);
    turn_until_over();
    ck_assert_uint_eq(wait_.ended_count, 3);
    ck_assert_uint_eq(wait_.failed_count, 0);
    end();
}
END_TEST

START_TEST(time_out_neither_cancels_nor_fails) {
    begin(1);
    probes[0].gate = &gate;
    submit(2);
    wait_.timeout_us = 1000;
    start_wait(TT_WAIT_ALL, 2);
    turn_until_over();
    ck_assert(wait_.is_timed_out);
    ck_assert_uint_eq(wait_.ended_count, 0);
    start_wait(TT_WAIT_ALL, 2); /* once more over the same jobs */
    gate_open(&gate, 1);
    wait_.timeout_us = 0;
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&probes[0], TT_DONE);
    probe_assert_ended(&probes[1], TT_DONE);
    end();
}
END_TEST

START_TEST(empty_sets_strangers_and_busy_waits_are_refused) {
    begin((uint32_t)_i);
    ck_assert_int_eq(try_wait(TT_WAIT_ALL, 0), TT_INVALID);
    items[0].job = NULL;
    ck_assert_int_eq(try_wait(TT_WAIT_ALL, 1), TT_INVALID); /* nobody in it */
    items[0].job = &probes[0].job;
    ck_assert_int_eq(try_wait(TT_WAIT_ALL, 1), TT_INVALID); /* not submitted */
    submit(2);
    start_wait(TT_WAIT_ALL, 2);
    ck_assert_int_eq(try_wait(TT_WAIT_ALL, 2), TT_INVALID); /* not over */
    struct tt_wait other = {.done = on_over};
    ck_assert_int_eq(tt_wait_start(&other, wake, items, 2), TT_INVALID); /* items of another set */
    ck_assert_int_eq(tt_each_start(&each, wake, items, 2), TT_INVALID);
    turn_until_over();
    tt_wait_stop(&other); /* fine: never started */
    end();
}
END_TEST

/** The loop of asyncio: done, pending = wait(pending, FIRST_COMPLETED). */
START_TEST(waits_in_turn_see_each_job_once) {
    begin((uint32_t)_i);
    unsigned seen = 0;
    submit(MOST);
    while (try_wait(TT_WAIT_FIRST_DONE, MOST) == TT_OK) {
        turn_until_over();
        over_count = 0;
        ck_assert_uint_gt(wait_.ended_count, 0);
        for (unsigned i = 0; i < MOST; i++) {
            if (items[i].job == NULL || items[i].outcome == TT_NONE)
                continue;
            seen++;
            items[i].job = NULL;
        }
    }
    ck_assert_uint_eq(seen, MOST);
    end();
}
END_TEST

START_TEST(what_has_ended_already_is_told_in_the_next_dispatch) {
    begin((uint32_t)_i);
    submit(1);
    start_wait(TT_WAIT_ALL, 1);
    turn_until_over();
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool)); /* the job may be gone: it isn't looked at */
    items[0].job = (struct tt_job *)&gate;
    start_wait(TT_WAIT_FIRST_DONE, 1);
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(over_count, 1);
    end();
}
END_TEST

START_TEST(zombie_counts_as_ended) {
    begin(1);
    probes[0].gate = &gate;
    submit(1);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    if (_i == 0)
        start_wait(TT_WAIT_ALL, 1); /* before it becomes one */
    ck_assert_int_eq(tt_job_abandon(&probes[0].job), TT_OK);
    (void)tt_wake_dispatch(wake, 10);
    if (_i == 1)
        start_wait(TT_WAIT_ALL, 1);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(over_count, 1);
    ck_assert_int_eq(items[0].outcome, TT_ABANDONED);
    memset(items, 0xa5, sizeof items); /* ours again, though its function still runs */
    gate_open(&gate, 1);
    end();
}
END_TEST

START_TEST(stopped_wait_is_silent_and_gives_all_memory_back) {
    begin((uint32_t)_i);
    submit(3);
    wait_.timeout_us = 3600u * 1000000u;
    start_wait(TT_WAIT_ALL, 3);
    tt_wait_stop(&wait_);
    memset(items, 0xa5, sizeof items);
    memset(&wait_, 0xa5, sizeof wait_);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(over_count, 0);
    end();
}
END_TEST

START_TEST(done_may_stop_the_wait_while_others_are_pending) {
    begin((uint32_t)_i);
    submit(3);
    frees = true;
    start_wait(TT_WAIT_FIRST_DONE, 3);
    turn_until_over();
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    check_wiped(&wait_, sizeof wait_);
    check_wiped(items, sizeof items);
    end();
}
END_TEST

START_TEST(items_left_over_from_an_earlier_set_do_not_count) {
    begin(1);
    probes[0].gate = &gate;
    probes[1].gate = &gate;
    submit(3);
    wait_.timeout_us = 1;
    start_wait(TT_WAIT_ALL, 3);
    turn_until_over();
    wait_.timeout_us = 0;
    over_count = 0;
    items[0].job = NULL;                                            /* taken out while it is pending */
    ck_assert_int_eq(tt_wait_start(&wait_, wake, items, 2), TT_OK); /* nor is the third in it any more */
    gate_open(&gate, 2);
    turn_until_over();
    ck_assert_uint_eq(wait_.set_count, 1);
    ck_assert_uint_eq(wait_.ended_count, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(items[0].outcome, TT_NONE);
    ck_assert_int_eq(items[2].outcome, TT_DONE);
    end();
}
END_TEST

START_TEST(pending_item_outside_the_set_only_remembers) {
    begin(1);
    probes[0].gate = &gate;
    probes[1].gate = &gate;
    submit(2);
    wait_.timeout_us = 1;
    start_wait(TT_WAIT_ALL, 2);
    turn_until_over();
    wait_.timeout_us = 0;
    over_count = 0;
    ck_assert_int_eq(tt_wait_start(&wait_, wake, items + 1, 1), TT_OK); /* job 0 ends first, outside of it */
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, items[0].outcome == TT_DONE);
    ck_assert_uint_eq(over_count, 0);
    ck_assert_uint_eq(wait_.ended_count, 0);
    gate_open(&gate, 1);
    turn_until_over();
    end();
}
END_TEST

START_TEST(functions_run_in_the_context_of_the_start) {
    begin((uint32_t)_i);
    submit(1);
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.tenant = "acme"}, NULL);
    struct tt_context *before = tt_context_enter(context);
    start_wait(TT_WAIT_ALL, 1);
    (void)tt_context_enter(before);
    tt_context_release(context);
    turn_until_over();
    ck_assert_ptr_eq(seen_context, context);
    end();
}
END_TEST

/* -- each -- */

static bool stops_in_item;
static bool restarts_in_item;

static void on_item(struct tt_each *set, struct tt_wait_item *item) {
    ck_assert_ptr_eq(set, &each);
    ck_assert_int_ne(item->outcome, TT_NONE);
    order[told_count++] = (unsigned)(item - items);
    ck_assert(restarts_in_item || set->told_count == told_count);
    if (stops_in_item || restarts_in_item)
        tt_each_stop(set);
    if (stops_in_item) {
        memset(items, 0xa5, sizeof items);
        memset(&each, 0xa5, sizeof each);
    }
    if (restarts_in_item) {
        item->job = NULL;
        ck_assert_int_eq(tt_each_start(set, wake, items, MOST), TT_OK);
    }
}

static void on_end(struct tt_each *set) {
    ck_assert_ptr_eq(set, &each);
    over_count++;
    if (frees) {
        memset(items, 0xa5, sizeof items);
        memset(&each, 0xa5, sizeof each);
    }
}

static void start_each(size_t count) {
    each.on_item = on_item;
    each.on_end = on_end;
    ck_assert_int_eq(tt_each_start(&each, wake, items, count), TT_OK);
    ck_assert_uint_eq(told_count + over_count, 0);
}

START_TEST(each_tells_in_the_order_of_ending_then_ends) {
    begin((uint32_t)_i);
    submit(MOST);
    each.timeout_us = 3600u * 1000000u;
    start_each(MOST);
    ck_assert_int_eq(tt_each_start(&each, wake, items, MOST), TT_INVALID); /* not ended */
    ck_assert_int_eq(tt_job_cancel(&probes[3].job), TT_OK);
    turn_until_over();
    ck_assert_uint_eq(told_count, MOST);
    ck_assert_uint_eq(order[0], 3); /* with one worker or none the rest comes as it was submitted */
    for (unsigned i = 1; i < MOST && _i < 2; i++)
        ck_assert_uint_eq(order[i], i <= 3 ? i - 1 : i);
    ck_assert(!each.is_timed_out);
    frees = true;
    end();
}
END_TEST

START_TEST(each_over_nobody_ends_in_the_next_dispatch) {
    begin((uint32_t)_i);
    items[0].job = NULL;
    start_each(1);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(over_count, 1);
    end();
}
END_TEST

START_TEST(each_time_out_ends_it_and_the_jobs_go_on) {
    begin(1);
    probes[1].gate = &gate;
    submit(3);
    each.timeout_us = 2000;
    frees = true;
    start_each(3);
    turn_until_over();
    ck_assert_uint_le(told_count, 1);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_le(told_count, 1);
    ck_assert_uint_eq(over_count, 1);
    probe_assert_ended(&probes[2], TT_DONE);
    end();
}
END_TEST

/** Also when the clock runs out in that very dispatch. */
START_TEST(each_tells_first_of_those_that_had_ended_before) {
    begin(1);
    submit(2);
    start_wait(TT_WAIT_ALL, 2);
    turn_until_over();
    over_count = 0;
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probes[2].gate = _i == 0 ? NULL : &gate;
    probe_submit(pool, &probes[2]);
    each.timeout_us = _i == 0 ? 0 : 1;
    if (_i == 2) { /* job 2 ends before the early ones could be told of */
        each.timeout_us = 0;
        tt_wake_flush(wake);
        gate_await(&gate, 1);
        gate_open(&gate, 1);
        PROBE_YIELD_UNTIL(probe_snapshot(pool).busy_count == 0);
    }
    start_each(3);
    if (_i == 1) {
        uint64_t now_us = tti_clock_now_us();
        PROBE_YIELD_UNTIL(tti_clock_now_us() > now_us + 3000); /* the clock, no thread */
        (void)tt_wake_dispatch(wake, 10);
        ck_assert_uint_eq(over_count, 1);
        ck_assert(each.is_timed_out);
        gate_open(&gate, 1);
    }
    turn_until_over();
    ck_assert_uint_eq(told_count, _i == 1 ? 2 : 3);
    for (unsigned i = 0; i < told_count; i++)
        ck_assert_uint_eq(order[i], i);
    end();
}
END_TEST

START_TEST(each_whose_clock_runs_out_over_ended_items_has_not_timed_out) {
    begin((uint32_t)_i);
    submit(2);
    start_wait(TT_WAIT_ALL, 2);
    turn_until_over();
    over_count = 0;
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    each.timeout_us = 1;
    start_each(2);
    uint64_t now_us = tti_clock_now_us();
    PROBE_YIELD_UNTIL(tti_clock_now_us() > now_us + 3000); /* the clock, no thread */
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(told_count, 2);
    ck_assert_uint_eq(over_count, 1);
    ck_assert(!each.is_timed_out);
    end();
}
END_TEST

START_TEST(early_item_that_stops_the_each_as_its_clock_runs_out_ends_nothing) {
    begin((uint32_t)_i);
    submit(2);
    start_wait(TT_WAIT_ALL, 2);
    turn_until_over();
    over_count = 0;
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    each.timeout_us = 1;
    stops_in_item = true;
    start_each(2);
    uint64_t now_us = tti_clock_now_us();
    PROBE_YIELD_UNTIL(tti_clock_now_us() > now_us + 3000); /* the clock, no thread */
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(told_count, 1);
    ck_assert_uint_eq(over_count, 0);
    check_wiped(&each, sizeof each);
    end();
}
END_TEST

static void start_each_in_done(struct tt_job *job) {
    probe_done(job);
    start_each(3);
}

/** Started in a done function, with the next one's done in the same dispatch: even then the order is that of ending. */
START_TEST(each_that_starts_between_two_ends_keeps_their_order) {
    begin(0);
    submit(1);
    start_wait(TT_WAIT_ALL, 1);
    turn_until_over();
    over_count = 0;
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probes[1].job.done = start_each_in_done;
    stops_in_item = _i == 1;
    probe_submit(pool, &probes[1]);
    probe_submit(pool, &probes[2]);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(told_count, _i == 1 ? 1 : 3);
    for (unsigned i = 0; i < told_count; i++)
        ck_assert_uint_eq(order[i], i);
    ck_assert_uint_eq(over_count, _i == 1 ? 0 : 1);
    end();
}
END_TEST

START_TEST(on_item_may_stop_and_free_the_each) {
    begin((uint32_t)_i);
    stops_in_item = true;
    submit(3);
    start_each(3);
    PROBE_TURN_UNTIL(wake, told_count == 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(told_count, 1);
    ck_assert_uint_eq(over_count, 0);
    check_wiped(&each, sizeof each);
    check_wiped(items, sizeof items);
    end();
}
END_TEST

START_TEST(on_item_may_stop_the_each_among_the_early_ones) {
    begin((uint32_t)_i);
    submit(2);
    start_wait(TT_WAIT_ALL, 2);
    turn_until_over();
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    over_count = 0;
    stops_in_item = true;
    start_each(2);
    (void)tt_wake_dispatch(wake, 10);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(told_count, 1);
    ck_assert_uint_eq(over_count, 0);
    end();
}
END_TEST

START_TEST(on_item_may_start_it_again_over_the_rest) {
    begin((uint32_t)_i);
    restarts_in_item = true;
    submit(MOST);
    start_each(MOST);
    turn_until_over();
    ck_assert_uint_eq(told_count, MOST);
    end();
}
END_TEST

START_TEST(stopped_each_is_silent_and_functions_may_be_null) {
    begin((uint32_t)_i);
    submit(3);
    start_each(2);
    tt_each_stop(&each);
    tt_each_stop(&each);
    each = (struct tt_each){0};
    wait_ = (struct tt_wait){0};
    struct tt_wait_item other = {.job = &probes[2].job};
    ck_assert_int_eq(tt_each_start(&each, wake, items, 2), TT_OK);
    ck_assert_int_eq(tt_wait_start(&wait_, wake, &other, 1), TT_OK);
    PROBE_TURN_UNTIL(wake, wait_.is_over && tt_pool_is_idle(pool));
    ck_assert_uint_eq(each.told_count, 2);
    ck_assert_uint_eq(told_count + over_count, 0);
    end();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("wait");
    TCase *tests = tcase_create("wait");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, wait_for_all_comes_after_the_last, 0, 3);
    tcase_add_test(tests, first_done_says_who_is_pending_and_the_pending_go_on);
    tcase_add_test(tests, first_failed_passes_over_success_and_over_cancelled_jobs);
    tcase_add_loop_test(tests, first_failed_ends_with_the_last_when_none_fails, 0, 3);
    tcase_add_test(tests, time_out_neither_cancels_nor_fails);
    tcase_add_loop_test(tests, empty_sets_strangers_and_busy_waits_are_refused, 0, 3);
    tcase_add_loop_test(tests, waits_in_turn_see_each_job_once, 0, 3);
    tcase_add_loop_test(tests, what_has_ended_already_is_told_in_the_next_dispatch, 0, 3);
    tcase_add_loop_test(tests, zombie_counts_as_ended, 0, 2);
    tcase_add_loop_test(tests, stopped_wait_is_silent_and_gives_all_memory_back, 0, 3);
    tcase_add_loop_test(tests, done_may_stop_the_wait_while_others_are_pending, 0, 3);
    tcase_add_test(tests, items_left_over_from_an_earlier_set_do_not_count);
    tcase_add_test(tests, pending_item_outside_the_set_only_remembers);
    tcase_add_loop_test(tests, functions_run_in_the_context_of_the_start, 0, 3);
    suite_add_tcase(suite, tests);
    tests = tcase_create("each");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, each_tells_in_the_order_of_ending_then_ends, 0, 3);
    tcase_add_loop_test(tests, each_over_nobody_ends_in_the_next_dispatch, 0, 3);
    tcase_add_test(tests, each_time_out_ends_it_and_the_jobs_go_on);
    tcase_add_loop_test(tests, each_tells_first_of_those_that_had_ended_before, 0, 3);
    tcase_add_loop_test(tests, each_whose_clock_runs_out_over_ended_items_has_not_timed_out, 0, 3);
    tcase_add_loop_test(tests, early_item_that_stops_the_each_as_its_clock_runs_out_ends_nothing, 0, 3);
    tcase_add_loop_test(tests, each_that_starts_between_two_ends_keeps_their_order, 0, 2);
    tcase_add_loop_test(tests, on_item_may_stop_and_free_the_each, 0, 3);
    tcase_add_loop_test(tests, on_item_may_stop_the_each_among_the_early_ones, 0, 3);
    tcase_add_loop_test(tests, on_item_may_start_it_again_over_the_rest, 0, 3);
    tcase_add_loop_test(tests, stopped_each_is_silent_and_functions_may_be_null, 0, 3);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
