/* Timers: never early, once, and at rest when nothing is due. */
#include "pool/internal.h"
#include "probe.h"

struct alarm {
    struct tt_timer timer;
    struct tt_wake *wake;
    unsigned count;
    uint64_t due_us; /* not before */
    unsigned restarts_left;
};

static void on_alarm(struct tt_timer *timer) {
    struct alarm *alarm = (struct alarm *)timer;
    ck_assert_uint_ge(tti_clock_now_us(), alarm->due_us);
    alarm->count++;
    if (alarm->restarts_left > 0) {
        alarm->restarts_left--;
        tt_timer_start(alarm->wake, timer, 0, on_alarm);
    }
}

static void alarm_start(struct tt_wake *wake, struct alarm *alarm, uint64_t delay_us) {
    alarm->wake = wake;
    alarm->due_us = tt_wake_now_us(wake) + delay_us;
    tt_timer_start(wake, &alarm->timer, delay_us, on_alarm);
}

START_TEST(timers_are_never_early_and_fire_once) {
    struct tt_wake *wake = probe_wake();
    static struct alarm alarms[60];
    for (unsigned i = 0; i < 60; i++)
        alarm_start(wake, &alarms[i], i * 777);
    int64_t sleep_us = tt_wake_prepare(wake);
    ck_assert_int_ge(sleep_us, 0);
    ck_assert_int_le(sleep_us, 2000);
    for (unsigned i = 0; i < 60; i++)
        PROBE_TURN_UNTIL(wake, alarms[i].count == 1);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(stopped_timer_does_not_fire_and_moved_one_fires_once) {
    struct tt_wake *wake = probe_wake();
    struct alarm stopped = {.count = 0};
    struct alarm moved = {.count = 0};
    alarm_start(wake, &stopped, 1000);
    alarm_start(wake, &moved, 3600000000u);
    tt_timer_stop(wake, &stopped.timer);
    tt_timer_stop(wake, &stopped.timer);
    alarm_start(wake, &moved, 3000);
    PROBE_TURN_UNTIL(wake, moved.count == 1);
    ck_assert_uint_eq(stopped.count, 0);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    tt_wake_destroy(wake);
}
END_TEST

static void hold_up_then_start_another(struct tt_timer *timer) {
    struct alarm *alarm = (struct alarm *)timer;
    uint64_t end_us = tti_clock_now_us() + 50000;
    while (tti_clock_now_us() < end_us)
        continue;
    tt_wake_refresh(alarm->wake);
    ck_assert_uint_ge(tt_wake_now_us(alarm->wake), end_us);
    alarm_start(alarm->wake, alarm + 1, 20000);
    alarm[1].due_us = end_us + 20000;
    alarm->count++;
}

START_TEST(timer_started_after_the_loop_was_held_up_is_not_early) {
    struct tt_wake *wake = probe_wake();
    struct alarm alarms[2] = {{.wake = wake}, {.wake = wake}};
    tt_timer_start(wake, &alarms[0].timer, 0, hold_up_then_start_another);
    PROBE_TURN_UNTIL(wake, alarms[1].count == 1); /* on_alarm looks at the clock */
    ck_assert_uint_eq(alarms[0].count, 1);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(timer_without_end_keeps_the_loop_asleep) {
    struct tt_wake *wake = probe_wake();
    struct alarm alarm = {.count = 0};
    tt_timer_start(wake, &alarm.timer, UINT64_MAX, on_alarm);
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(alarm.count, 0);
    ck_assert_int_gt(tt_wake_prepare(wake), 1000000);
    tt_timer_stop(wake, &alarm.timer);
    tt_wake_destroy(wake);
}
END_TEST

/** With the clock at a whole millisecond such a timer used to run for ever inside one dispatch. */
START_TEST(timer_that_restarts_itself_without_delay_fires_once_a_dispatch) {
    struct tt_wake *wake = probe_wake();
    struct alarm alarm = {.restarts_left = UINT32_MAX};
    alarm_start(wake, &alarm, 0);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned before = alarm.count;
        (void)tt_wake_dispatch(wake, 100);
        ck_assert_uint_le(alarm.count, before + 1);
        if (i % 64 == 0) { /* the clock stands still at a whole millisecond: one dispatch in a thousand does it */
            wake->now_us = wake->now_us / 1000 * 1000;
            wake->now_is_stale = false;
            tti_wheel_advance(&wake->wheel, wake->now_us / 1000);
            tt_timer_start(wake, &alarm.timer, 0, on_alarm);
            ck_assert_uint_gt(alarm.timer.due_ms, wake->wheel.now_ms);
        }
    }
    tt_timer_stop(wake, &alarm.timer);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(deadline_of_a_job_bounds_the_sleep) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 1);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    probe_init(&probe, &gate);
    probe.job.run_timeout_us = 500000;
    probe_submit(pool, &probe);
    int64_t sleep_us = tt_wake_prepare(wake);
    ck_assert_int_ge(sleep_us, 0);
    ck_assert_int_le(sleep_us, 502000);
    (void)tt_wake_dispatch(wake, 100);
    gate_await(&gate, 1);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("timer");
    TCase *tests = tcase_create("timer");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, timers_are_never_early_and_fire_once);
    tcase_add_test(tests, stopped_timer_does_not_fire_and_moved_one_fires_once);
    tcase_add_test(tests, timer_started_after_the_loop_was_held_up_is_not_early);
    tcase_add_test(tests, timer_without_end_keeps_the_loop_asleep);
    tcase_add_test(tests, timer_that_restarts_itself_without_delay_fires_once_a_dispatch);
    tcase_add_test(tests, deadline_of_a_job_bounds_the_sleep);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
