/* Relay: two real loops on two threads; under the thread sanitizer nothing here may race. */
#include "server/relay.h"

#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

enum { FLOOD = 5000 };

struct ends {
    struct loop *here; /* the test's own thread */
    struct loop *there;
    struct relay out;
    struct relay back;
    pthread_t thread;
    sem_t made;
    sem_t may_end;
    struct relay_item stop;
    size_t there_count; /* there's */
    size_t here_count;
    size_t wanted;
};

struct numbered {
    struct relay_item item;
    struct ends *ends;
    size_t number;
};

static struct ends ends;
static struct numbered items[FLOOD];

static void *turn_there(void *unused) {
    struct tt_error error;
    (void)unused;
    ends.there = loop_create(&error);
    ck_assert_ptr_nonnull(ends.there);
    relay_init(&ends.out, ends.here, ends.there);
    relay_init(&ends.back, ends.there, ends.here);
    (void)sem_post(&ends.made);
    loop_run(ends.there);
    while (sem_wait(&ends.may_end) != 0) /* whoever has sent the stop may still be inside its wake */
        continue;
    loop_destroy(ends.there);
    return NULL;
}

static void on_stop(struct relay_item *item) {
    (void)item;
    loop_stop(ends.there);
}

static void setup(void) {
    struct tt_error error;
    ends = (struct ends){0};
    ck_assert_int_eq(sem_init(&ends.made, 0, 0), 0);
    ck_assert_int_eq(sem_init(&ends.may_end, 0, 0), 0);
    ends.here = loop_create(&error);
    ck_assert_ptr_nonnull(ends.here);
    ck_assert_int_eq(pthread_create(&ends.thread, NULL, turn_there, NULL), 0);
    while (sem_wait(&ends.made) != 0)
        continue;
    for (size_t i = 0; i < FLOOD; i++)
        items[i] = (struct numbered){.ends = &ends, .number = i};
}

static void teardown(void) {
    relay_send(&ends.out, &ends.stop, on_stop);
    relay_flush(&ends.out);
    (void)sem_post(&ends.may_end);
    ck_assert_int_eq(pthread_join(ends.thread, NULL), 0);
    loop_destroy(ends.here);
}

static void on_back(struct relay_item *item) {
    struct numbered *numbered = (struct numbered *)item;
    ck_assert_uint_eq(numbered->number, ends.here_count);
    if (++ends.here_count == ends.wanted)
        loop_stop(ends.here);
}

static void on_there(struct relay_item *item) {
    struct numbered *numbered = (struct numbered *)item;
    ck_assert_uint_eq(numbered->number, ends.there_count);
    ends.there_count++;
    relay_send(&ends.back, item, on_back);
}

START_TEST(what_is_sent_goes_there_and_back_in_order) {
    ends.wanted = 3;
    for (size_t i = 0; i < 3; i++)
        relay_send(&ends.out, &items[i].item, on_there);
    loop_run(ends.here);
    ck_assert_uint_eq(ends.here_count, 3);
}
END_TEST

START_TEST(flood_of_many_turns_keeps_its_order) {
    ends.wanted = FLOOD;
    for (size_t i = 0; i < FLOOD; i++)
        relay_send(&ends.out, &items[i].item, on_there);
    loop_run(ends.here);
    ck_assert_uint_eq(ends.here_count, FLOOD);
}
END_TEST

START_TEST(flushes_within_a_turn_lose_and_double_nothing) {
    ends.wanted = FLOOD;
    for (size_t i = 0; i < FLOOD; i++) {
        relay_send(&ends.out, &items[i].item, on_there);
        if (i % 3 == 0)
            relay_flush(&ends.out);
    }
    loop_run(ends.here);
    ck_assert_uint_eq(ends.here_count, FLOOD);
}
END_TEST

/* -- one item that goes to and fro: each hop must wake a loop that may be about to sleep -- */

static void on_pong(struct relay_item *item);

static void on_ping(struct relay_item *item) {
    ends.there_count++;
    relay_send(&ends.back, item, on_pong);
}

static void on_pong(struct relay_item *item) {
    if (++ends.here_count == ends.wanted)
        loop_stop(ends.here);
    else
        relay_send(&ends.out, item, on_ping);
}

START_TEST(no_wake_is_lost_between_loops_that_sleep) {
    ends.wanted = FLOOD;
    relay_send(&ends.out, &items[0].item, on_ping);
    loop_run(ends.here);
    ck_assert_uint_eq(ends.there_count, FLOOD);
}
END_TEST

/* -- what comes too late -- */

static void on_marker(struct relay_item *item) {
    (void)item;
    loop_stop(ends.here);
}

static void on_lost(struct relay_item *item) {
    (void)item;
    ends.here_count++;
}

static void close_here(struct relay_item *item) {
    relay_close(&ends.back);
    on_marker(item);
}

/** Three things come back together; the first one closes the way. */
static void answer_thrice(struct relay_item *item) {
    relay_send(&ends.back, item, close_here);
    relay_send(&ends.back, &items[1].item, on_lost);
    relay_send(&ends.back, &items[2].item, on_lost);
}

START_TEST(closed_relay_looks_at_nothing_more) {
    relay_send(&ends.out, &items[0].item, answer_thrice);
    loop_run(ends.here);
    (void)tt_wake_dispatch(loop_wake(ends.here), 100);
    ck_assert_uint_eq(ends.here_count, 0);
}
END_TEST

/* -- tasks of a turn's end, which relays are made of -- */

static size_t task_count;

static void on_task(struct loop_task *task) {
    (void)task;
    task_count++;
}

static void stop_soon(struct tt_timer *timer) {
    static struct loop_task tasks[2] = {{.fn = on_task}, {.fn = on_task}};
    (void)timer;
    loop_at_turn_end(ends.here, &tasks[0]);
    loop_at_turn_end(ends.here, &tasks[1]);
    loop_stop(ends.here);
}

START_TEST(tasks_run_at_the_end_of_the_last_turn_as_well) {
    struct tt_timer timer = {0};
    task_count = 0;
    tt_timer_start(loop_wake(ends.here), &timer, 0, stop_soon);
    loop_run(ends.here);
    ck_assert_uint_eq(task_count, 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("relay");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, what_is_sent_goes_there_and_back_in_order);
    tcase_add_test(cases, flood_of_many_turns_keeps_its_order);
    tcase_add_test(cases, flushes_within_a_turn_lose_and_double_nothing);
    tcase_add_test(cases, no_wake_is_lost_between_loops_that_sleep);
    tcase_add_test(cases, closed_relay_looks_at_nothing_more);
    tcase_add_test(cases, tasks_run_at_the_end_of_the_last_turn_as_well);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
