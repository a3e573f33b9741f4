/* Map: a function over an array, never more at a time than there are slots, and every item accounted for. */
#include "probe.h"

#include <tothread/context.h>
#include <tothread/map.h>

#define COUNT 100u
#define SLOTS 3u

static struct tt_wake *wake;
static struct tt_pool *pool;
static struct gate gate;
static struct tt_map map;
static struct tt_map seen; /* as done saw it */
static struct tt_map_slot slots[SLOTS];
static enum tt_outcome outcomes[COUNT];
static uint64_t items[COUNT];
static _Atomic uint32_t inside; /* calls of fn at this moment */
static _Atomic uint32_t most_inside;
static _Atomic uint32_t call_count;
static _Atomic uint32_t strangers; /* calls in another context */
static size_t gated_from;          /* items from here on pass the gate */
static size_t gated_to;
static size_t fails_at; /* this item fails */
static size_t fails_too;
static struct gate *first_gate; /* item 0 passes it; NULL: none */
static struct tt_context *expected;
static struct tt_context *seen_context;
static unsigned done_count;
static unsigned release_count;
static unsigned rounds; /* release starts it again */

static enum tt_outcome square(void *item, size_t index, void *user) {
    uint32_t now_inside = atomic_fetch_add(&inside, 1) + 1;
    uint32_t most = atomic_load(&most_inside);
    while (now_inside > most && !atomic_compare_exchange_weak(&most_inside, &most, now_inside)) {
        /* another one was quicker */
    }
    atomic_fetch_add(&call_count, 1);
    atomic_fetch_add(&strangers, tt_context_current() != expected);
    if (index == 0 && first_gate != NULL)
        gate_pass(first_gate);
    if (index >= gated_from && index < gated_to)
        gate_pass(&gate);
    if (item != NULL)
        *(uint64_t *)item = index * index + (user != NULL ? *(uint64_t *)user : 0);
    atomic_fetch_sub(&inside, 1);
    return index == fails_at || index == fails_too ? TT_CANCELLED /* as good as TT_FAILED */ : TT_DONE;
}

static void on_release(struct tt_map *which) {
    ck_assert_ptr_eq(which, &map);
    release_count++;
    ck_assert_uint_eq(release_count, done_count);
    if (rounds > 0) {
        rounds--;
        ck_assert_int_eq(tt_map_start(&map, pool, slots, SLOTS), TT_OK);
        return;
    }
    memset(&map, 0xa5, sizeof map); /* all ours again */
    memset(slots, 0xa5, sizeof slots);
}

static void on_done(struct tt_map *which) {
    ck_assert_ptr_eq(which, &map);
    done_count++;
    seen = map;
    seen_context = tt_context_current();
    ck_assert_uint_eq(seen.done_count + seen.failed_count + seen.skipped_count + seen.lost_count, seen.count);
    ck_assert_int_eq(tt_map_cancel(&map, TT_STOP_ABANDON), TT_TOO_LATE);
    ck_assert(tt_map_is_stopping(&map)); /* for functions that still run */
    ck_assert_int_eq(tt_map_start(&map, pool, slots, SLOTS), TT_INVALID);
}

static void begin(uint32_t worker_count, uint32_t queue_limit, size_t count) {
    wake = probe_wake();
    pool = probe_pool(wake, worker_count, queue_limit, 2);
    gate_init(&gate);
    gated_from = SIZE_MAX;
    gated_to = SIZE_MAX;
    fails_at = SIZE_MAX;
    fails_too = SIZE_MAX;
    first_gate = NULL;
    for (size_t i = 0; i < COUNT; i++)
        outcomes[i] = TT_CRASHED; /* the start overwrites it */
    map = (struct tt_map){.fn = square,
                          .base = items,
                          .stride = sizeof items[0],
                          .count = count,
                          .outcomes = outcomes,
                          .done = on_done,
                          .release = on_release};
}

static void end(void) {
    PROBE_TURN_UNTIL(wake, tt_wake_prepare(wake) == -1); /* no clock runs on, but for the pool's own */
    (void)tt_wake_dispatch(wake, 10);
    probe_end(wake, pool);
    gate_deinit(&gate);
}

static void start(void) {
    ck_assert_int_eq(tt_map_start(&map, pool, slots, SLOTS), TT_OK);
    ck_assert_uint_eq(done_count, 0); /* never from inside the call */
}

static void turn_until_done(void) {
    PROBE_TURN_UNTIL(wake, done_count == 1);
}

static void turn_until_released(void) {
    PROBE_TURN_UNTIL(wake, release_count == 1);
    ck_assert_uint_eq(done_count, 1);
}

static void check_all_done(size_t count) {
    ck_assert_int_eq(seen.outcome, TT_DONE);
    ck_assert_int_eq(seen.status, TT_OK);
    ck_assert_uint_eq(seen.done_count, count);
    ck_assert_uint_eq(seen.first_failed, count);
    ck_assert_uint_eq(call_count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(items[i], i * i);
        ck_assert_int_eq(outcomes[i], TT_DONE);
    }
    for (size_t i = count; i < COUNT; i++)
        ck_assert_int_eq(outcomes[i], TT_CRASHED); /* not touched */
}

START_TEST(every_item_is_done_once_whatever_the_chunk_size) {
    static const size_t chunk_sizes[] = {0, 1, 7, 50, 99, 1000};
    begin((uint32_t)_i, 10, COUNT - 1);
    map.chunk_size = chunk_sizes[0];
    for (size_t i = 0; i < COUNT_OF(chunk_sizes); i++) {
        map.fn = square;
        map = (struct tt_map){.fn = square,
                              .base = items,
                              .stride = sizeof items[0],
                              .count = COUNT - 1,
                              .chunk_size = chunk_sizes[i],
                              .outcomes = outcomes,
                              .done = on_done,
                              .release = on_release};
        memset(slots, 0, sizeof slots);
        memset(items, 0, sizeof items);
        atomic_store(&call_count, 0);
        done_count = 0;
        release_count = 0;
        start();
        turn_until_released();
        check_all_done(COUNT - 1);
    }
    end();
}
END_TEST

START_TEST(no_more_run_at_a_time_than_there_are_slots) {
    begin(6, 20, 30);
    gated_from = 0;
    gated_to = 30;
    start();
    tt_wake_flush(wake);
    gate_await(&gate, SLOTS);
    gate_open(&gate, 30);
    turn_until_released();
    check_all_done(30);
    ck_assert_uint_eq(most_inside, SLOTS);
    end();
}
END_TEST

START_TEST(empty_array_is_done_in_the_next_dispatch) {
    begin((uint32_t)_i, 10, 0);
    ck_assert_int_eq(tt_map_start(&map, pool, NULL, 0), TT_OK);
    ck_assert_int_eq(tt_map_cancel(&map, TT_STOP_ASK), TT_TOO_LATE);
    ck_assert_uint_eq(done_count, 0);
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(done_count + release_count, 2);
    ck_assert_int_eq(seen.outcome, TT_DONE);
    end();
}
END_TEST

START_TEST(mistakes_are_refused) {
    begin((uint32_t)_i, 10, 3);
    ck_assert_int_eq(tt_map_cancel(&map, TT_STOP_ASK), TT_INVALID);
    ck_assert_int_eq(tt_map_start(&map, pool, slots, 0), TT_INVALID);
    map.fn = NULL;
    ck_assert_int_eq(tt_map_start(&map, pool, slots, SLOTS), TT_INVALID);
    ck_assert(tt_pool_is_idle(pool));
    end();
}
END_TEST

START_TEST(indexes_alone_will_do_and_functions_may_be_null) {
    uint64_t user = 1;
    begin((uint32_t)_i, 10, 10);
    map.base = NULL;
    map.outcomes = NULL;
    map.user = &user;
    map.done = NULL;
    map.release = NULL;
    start();
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(call_count, 10);
    ck_assert_int_eq(map.outcome, TT_DONE);
    end();
}
END_TEST

START_TEST(user_reaches_the_function) {
    uint64_t user = 1000;
    begin((uint32_t)_i, 10, 10);
    map.user = &user;
    start();
    turn_until_released();
    ck_assert_uint_eq(items[3], 1009);
    end();
}
END_TEST

START_TEST(failures_are_counted_and_the_rest_goes_on) {
    begin((uint32_t)_i, 10, 50);
    map.chunk_size = 4;
    fails_at = 17;
    fails_too = 40;
    start();
    turn_until_released();
    ck_assert_int_eq(seen.outcome, TT_FAILED);
    ck_assert_uint_eq(seen.failed_count, 2);
    ck_assert_uint_eq(seen.done_count, 48);
    ck_assert_uint_eq(seen.first_failed, 17);
    ck_assert_int_eq(outcomes[17], TT_FAILED);
    ck_assert_int_eq(outcomes[18], TT_DONE);
    end();
}
END_TEST

START_TEST(stop_at_the_first_failure_skips_the_rest) {
    begin((uint32_t)_i, 10, COUNT);
    map.flags = TT_MAP_STOP;
    map.chunk_size = 10;
    fails_at = 3;
    start();
    turn_until_released();
    ck_assert_int_eq(seen.outcome, TT_FAILED);
    ck_assert_uint_eq(seen.first_failed, 3);
    ck_assert_uint_eq(seen.failed_count, 1);
    if (_i < 2)
        ck_assert_uint_eq(seen.done_count, 3);
    ck_assert_uint_eq(seen.skipped_count, COUNT - 1 - seen.done_count);
    ck_assert_int_eq(outcomes[4], TT_NONE);
    end();
}
END_TEST

/** The flag is seen by a chunk that runs beside the failing one. */
START_TEST(chunk_that_runs_meanwhile_ends_at_its_next_item) {
    begin(2, 10, 20);
    map.flags = TT_MAP_STOP;
    map.chunk_size = 10;
    fails_at = 0;
    gated_from = 10;
    gated_to = 20;
    struct tt_limiter limiter = {.permit_count = 1};
    slots[0].job.limiter = &limiter;
    struct probe holder; /* keeps the first chunk from starting before the second stands at the gate */
    struct gate hold;
    gate_init(&hold);
    probe_init(&holder, &hold);
    holder.job.limiter = &limiter;
    probe_submit(pool, &holder);
    start();
    tt_wake_flush(wake);
    gate_await(&hold, 1);
    gate_await(&gate, 1);
    gate_open(&hold, 1);
    PROBE_TURN_UNTIL(wake, tt_map_is_stopping(&map));
    gate_open(&gate, 1);
    turn_until_released();
    ck_assert_uint_eq(seen.done_count, 1); /* item 10, which was under way */
    ck_assert_uint_eq(seen.failed_count, 1);
    ck_assert_uint_eq(seen.skipped_count, 18);
    ck_assert_int_eq(outcomes[11], TT_NONE);
    gate_deinit(&hold);
    end();
}
END_TEST

/** One place for three slots: the map waits for its own chunks. */
START_TEST(full_queue_slows_it_down_but_fails_nothing) {
    begin((uint32_t)_i, 1, COUNT);
    struct probe probe;
    probe_start(pool, &probe, NULL);
    start();
    turn_until_released();
    check_all_done(COUNT);
    ck_assert_uint_gt(probe_snapshot(pool).refused_full, 0);
    end();
}
END_TEST

START_TEST(queue_full_of_others_is_tried_again) {
    begin(1, 1, 5);
    struct probe others[2];
    probe_start(pool, &others[0], &gate);
    probe_start(pool, &others[1], &gate);
    start();
    for (unsigned i = 0; i < 5; i++)
        probe_turn(wake); /* tries, and finds it full */
    ck_assert_uint_eq(call_count, 0);
    gate_open(&gate, 2);
    turn_until_released();
    check_all_done(5);
    end();
}
END_TEST

START_TEST(cancel_while_it_waits_for_room_is_told_in_the_next_dispatch) {
    begin(1, 1, 5);
    struct probe others[2];
    probe_start(pool, &others[0], &gate);
    probe_start(pool, &others[1], &gate);
    start();
    ck_assert_int_eq(tt_map_cancel(&map, TT_STOP_ASK), TT_OK);
    ck_assert_int_eq(tt_map_cancel(&map, TT_STOP_ASK), TT_TOO_LATE);
    ck_assert_uint_eq(done_count, 0);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(done_count + release_count, 2);
    ck_assert_int_eq(seen.outcome, TT_CANCELLED);
    ck_assert_uint_eq(seen.skipped_count, 5);
    gate_open(&gate, 2);
    end();
}
END_TEST

START_TEST(closed_pool_skips_all_and_says_so) {
    begin((uint32_t)_i, 10, 5);
    tt_pool_close(pool);
    start();
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(done_count + release_count, 2);
    ck_assert_int_eq(seen.outcome, TT_FAILED);
    ck_assert_int_eq(seen.status, TT_CLOSED);
    ck_assert_uint_eq(seen.skipped_count, 5);
    end();
}
END_TEST

START_TEST(pool_that_closes_meanwhile_lets_the_chunks_inside_end) {
    begin((uint32_t)_i, 10, 50);
    map.chunk_size = 5;
    start();
    tt_pool_close(pool);
    turn_until_released();
    ck_assert_int_eq(seen.outcome, TT_FAILED);
    ck_assert_int_eq(seen.status, TT_CLOSED);
    ck_assert_uint_eq(seen.done_count, 15);
    ck_assert_uint_eq(seen.skipped_count, 35);
    ck_assert_uint_eq(seen.first_failed, 50);
    end();
}
END_TEST

START_TEST(cancel_takes_back_chunks_and_ends_running_ones_at_their_next_item) {
    begin(1, 10, COUNT);
    map.chunk_size = 10;
    gated_from = 2;
    gated_to = COUNT;
    start();
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_map_cancel(&map, TT_STOP_ASK), TT_OK);
    ck_assert(tt_map_is_stopping(&map));
    ck_assert_int_eq(tt_map_cancel(&map, TT_STOP_ASK), TT_OK); /* again is fine */
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(done_count, 0);
    gate_open(&gate, 1);
    turn_until_released();
    ck_assert_int_eq(seen.outcome, TT_CANCELLED);
    ck_assert_uint_eq(seen.done_count, 3);
    ck_assert_uint_eq(seen.skipped_count, COUNT - 3);
    ck_assert_int_eq(outcomes[2], TT_DONE);
    ck_assert_int_eq(outcomes[3], TT_NONE);
    end();
}
END_TEST

START_TEST(abandoned_chunks_are_lost_and_release_waits_for_them) {
    begin(2, 10, 40);
    ck_assert_int_eq(tt_pool_set_limits(pool, 10, 0, 0), TT_OK); /* a spare might begin the third one meanwhile */
    map.chunk_size = 5;
    gated_from = 0;
    gated_to = 40;
    start();
    tt_wake_flush(wake);
    gate_await(&gate, 2);
    ck_assert_int_eq(tt_map_cancel(&map, TT_STOP_ABANDON), TT_OK);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(done_count, 1);
    ck_assert_int_eq(seen.outcome, TT_CANCELLED);
    ck_assert_uint_eq(seen.lost_count, 10);
    ck_assert_uint_eq(seen.skipped_count, 30);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, map.held_count == 1);
    ck_assert_uint_eq(release_count, 0);
    gate_open(&gate, 1);
    turn_until_released();
    ck_assert_uint_eq(call_count, 2); /* a lost chunk begins no other item */
    end();
}
END_TEST

START_TEST(run_time_out_of_a_chunk_loses_it_and_the_rest_goes_on) {
    begin(2, 10, 20);
    map.chunk_size = 4;
    map.flags = _i == 0 ? 0 : TT_MAP_STOP;
    gated_from = 0;
    gated_to = 1;
    slots[0].job.run_timeout_us = 1000;
    start();
    turn_until_done();
    ck_assert_int_eq(seen.outcome, TT_FAILED);
    ck_assert_uint_eq(seen.lost_count, 4);
    ck_assert_uint_eq(seen.first_failed, 0);
    if (_i == 0)
        ck_assert_uint_eq(seen.done_count, 16);
    gate_open(&gate, 1);
    turn_until_released();
    end();
}
END_TEST

START_TEST(lost_chunk_begins_no_other_item_while_the_map_goes_on) {
    begin(2, 10, 8);
    struct gate hold;
    gate_init(&hold);
    first_gate = &hold;
    map.chunk_size = 4;
    gated_from = 4;
    gated_to = 5;
    start();
    tt_wake_flush(wake);
    gate_await(&hold, 1);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_abandon(&slots[0].job), TT_OK);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(map.lost_count, 4);
    ck_assert_uint_eq(done_count, 0);
    gate_open(&hold, 1);
    PROBE_TURN_UNTIL(wake, map.held_count == 1);
    ck_assert_uint_eq(call_count, 2);
    gate_open(&gate, 1);
    turn_until_released();
    ck_assert_uint_eq(call_count, 5);
    ck_assert_uint_eq(seen.done_count, 4);
    gate_deinit(&hold);
    end();
}
END_TEST

START_TEST(queue_time_out_of_a_chunk_skips_it) {
    begin(1, 10, 30);
    struct probe other;
    probe_start(pool, &other, &gate);
    map.chunk_size = 10;
    map.flags = _i == 0 ? 0 : TT_MAP_STOP;
    slots[1].job.queue_timeout_us = 1000;
    start();
    PROBE_TURN_UNTIL(wake, map.skipped_count == 10);
    gate_open(&gate, 1);
    turn_until_released();
    ck_assert_int_eq(seen.outcome, TT_FAILED);
    ck_assert_uint_eq(seen.skipped_count, _i == 0 ? 10 : 30);
    ck_assert_uint_eq(seen.done_count, _i == 0 ? 20 : 0);
    ck_assert_int_eq(outcomes[10], TT_NONE);
    end();
}
END_TEST

START_TEST(slots_bring_a_limiter_and_a_name) {
    begin(3, 20, 30);
    struct tt_limiter limiter = {.permit_count = 1};
    for (unsigned i = 0; i < SLOTS; i++)
        slots[i].job.limiter = &limiter;
    start();
    turn_until_released();
    check_all_done(30);
    ck_assert_uint_eq(most_inside, 1);
    end();
}
END_TEST

START_TEST(jobs_and_functions_run_in_the_context_of_the_start) {
    begin((uint32_t)_i, 1, 20);
    expected = tt_context_create(&(struct tt_context_values){.tenant = "acme"}, NULL);
    struct tt_context *before = tt_context_enter(expected);
    start();
    (void)tt_context_enter(before);
    turn_until_released();
    check_all_done(20);
    ck_assert_uint_eq(strangers, 0);
    ck_assert_ptr_eq(seen_context, expected);
    tt_context_release(expected);
    end();
}
END_TEST

START_TEST(release_may_start_it_again) {
    begin((uint32_t)_i, 10, 10);
    rounds = 5;
    start();
    PROBE_TURN_UNTIL(wake, release_count == 6);
    ck_assert_uint_eq(call_count, 60);
    end();
}
END_TEST

START_TEST(end_of_the_pool_ends_the_map) {
    begin(1, 10, 20);
    tt_pool_destroy(probe_pool(wake, 1, 1, 0)); /* whatever a first thread brings along is there now */
    unsigned thread_count = probe_thread_count();
    gated_from = 0;
    gated_to = 1;
    map.chunk_size = 5;
    start();
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    tt_pool_destroy(pool);
    ck_assert_uint_eq(done_count, 1);
    ck_assert_uint_eq(seen.lost_count, 5);
    ck_assert_uint_eq(seen.skipped_count, 15);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(probe_thread_count() < thread_count);
    ck_assert_uint_eq(release_count, 0);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(lost_chunk_lets_a_slot_go_for_which_there_was_no_room) {
    begin(1, 1, 3);
    struct probe other;
    probe_start(pool, &other, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    gated_from = 0;
    gated_to = 1;
    slots[0].job.run_timeout_us = 1000; /* the others may take their time on a busy machine */
    start();                            /* the queue has room for one chunk */
    gate_open(&gate, 1);
    turn_until_done(); /* although the first one is inside still */
    ck_assert_uint_eq(seen.lost_count, 1);
    ck_assert_uint_eq(seen.done_count, 2);
    ck_assert_uint_eq(release_count, 0);
    gate_open(&gate, 1);
    turn_until_released();
    end();
}
END_TEST

START_TEST(end_of_a_pool_that_is_full_of_others_ends_the_map) {
    begin(1, 1, 5);
    struct probe others[2];
    probe_start(pool, &others[0], &gate);
    probe_start(pool, &others[1], &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    start();
    tt_pool_destroy(pool);
    ck_assert_uint_eq(done_count + release_count, 2);
    ck_assert_int_eq(seen.outcome, TT_FAILED);
    ck_assert_int_eq(seen.status, TT_CLOSED);
    ck_assert_uint_eq(seen.skipped_count, 5);
    ck_assert_int_eq((int)tt_wake_prepare(wake), -1); /* no clock runs on */
    (void)tt_wake_dispatch(wake, 10);
    tt_wake_destroy(wake);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(atomic_load(&others[0].release_count) == 1);
}
END_TEST

START_TEST(map_that_is_decided_at_once_is_done_before_its_pool_ends) {
    begin(0, 1, 0);
    start();
    tt_pool_destroy(pool);
    ck_assert_uint_eq(done_count + release_count, 2);
    ck_assert_int_eq((int)tt_wake_prepare(wake), -1);
    tt_wake_destroy(wake);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("map");
    TCase *tests = tcase_create("map");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, every_item_is_done_once_whatever_the_chunk_size, 0, 3);
    tcase_add_test(tests, no_more_run_at_a_time_than_there_are_slots);
    tcase_add_loop_test(tests, empty_array_is_done_in_the_next_dispatch, 0, 3);
    tcase_add_loop_test(tests, mistakes_are_refused, 0, 3);
    tcase_add_loop_test(tests, indexes_alone_will_do_and_functions_may_be_null, 0, 3);
    tcase_add_loop_test(tests, user_reaches_the_function, 0, 3);
    tcase_add_loop_test(tests, failures_are_counted_and_the_rest_goes_on, 0, 3);
    tcase_add_loop_test(tests, stop_at_the_first_failure_skips_the_rest, 0, 3);
    tcase_add_test(tests, chunk_that_runs_meanwhile_ends_at_its_next_item);
    tcase_add_loop_test(tests, full_queue_slows_it_down_but_fails_nothing, 0, 2);
    tcase_add_test(tests, queue_full_of_others_is_tried_again);
    tcase_add_test(tests, cancel_while_it_waits_for_room_is_told_in_the_next_dispatch);
    tcase_add_loop_test(tests, closed_pool_skips_all_and_says_so, 0, 3);
    tcase_add_loop_test(tests, pool_that_closes_meanwhile_lets_the_chunks_inside_end, 0, 3);
    tcase_add_test(tests, cancel_takes_back_chunks_and_ends_running_ones_at_their_next_item);
    tcase_add_test(tests, abandoned_chunks_are_lost_and_release_waits_for_them);
    tcase_add_loop_test(tests, run_time_out_of_a_chunk_loses_it_and_the_rest_goes_on, 0, 2);
    tcase_add_test(tests, lost_chunk_begins_no_other_item_while_the_map_goes_on);
    tcase_add_loop_test(tests, queue_time_out_of_a_chunk_skips_it, 0, 2);
    tcase_add_test(tests, slots_bring_a_limiter_and_a_name);
    tcase_add_loop_test(tests, jobs_and_functions_run_in_the_context_of_the_start, 0, 3);
    tcase_add_loop_test(tests, release_may_start_it_again, 0, 3);
    tcase_add_test(tests, end_of_the_pool_ends_the_map);
    tcase_add_test(tests, lost_chunk_lets_a_slot_go_for_which_there_was_no_room);
    tcase_add_test(tests, map_that_is_decided_at_once_is_done_before_its_pool_ends);
    tcase_add_test(tests, end_of_a_pool_that_is_full_of_others_ends_the_map);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
