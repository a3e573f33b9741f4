/* Accounting: CPU time a job, and how long a new one would wait. */
#include "pool/internal.h"
#include "probe.h"

#include <tothread/nest.h>

/*
 * What is charged twice, or to the wrong job, is as much as this; what a noisy machine adds (a virtual processor counts on while
 * another one has the real one) stays below.
 */
#define SPIN_US 50000u

static enum tt_outcome spin(struct tt_job *job, void *worker_state) {
    (void)job;
    (void)worker_state;
    uint64_t due_us = tti_clock_thread_cpu_us() + SPIN_US;
    while (tti_clock_thread_cpu_us() < due_us) {
    }
    return TT_DONE;
}

static struct tt_pool *pool_that_counts(struct tt_wake *wake, enum tt_cpu_accounting how) {
    struct tt_pool_options options = {.name = "test", .worker_count = 1, .queue_limit = 2000, .cpu_accounting = how};
    return probe_pool_with(wake, &options);
}

static void spin_on(struct tt_pool *pool, struct tt_wake *wake, struct probe *probe) {
    probe_init(probe, NULL);
    probe->job.run = spin;
    probe_submit(pool, probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(probe, TT_DONE);
}

START_TEST(spinning_job_is_charged_about_its_time) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = pool_that_counts(wake, _i == 0 ? TT_CPU_EXACT : TT_CPU_SAMPLED);
    struct probe probe;
    for (unsigned i = 0; i < 3; i++) {
        spin_on(pool, wake, &probe);
        ck_assert_uint_ge(probe.job.cpu_us, SPIN_US);
        ck_assert_uint_lt(probe.job.cpu_us, 2 * SPIN_US);
        ck_assert_uint_ge(probe.job.run_us, SPIN_US);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(job_that_blocks_is_charged_nearly_nothing) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = pool_that_counts(wake, TT_CPU_EXACT);
    struct gate gate;
    struct probe probe;
    struct probe timer;
    gate_init(&gate);
    probe_start(pool, &probe, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    tt_wake_refresh(wake);
    probe_init(&timer, NULL);
    timer.job.queue_timeout_us = 100000;
    probe_submit(pool, &timer);
    PROBE_TURN_UNTIL(wake, timer.done_count == 1); /* it has blocked for as long as that */
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_ge(probe.job.run_us, 80000);
    ck_assert_uint_lt(probe.job.cpu_us, 40000);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(accounting_that_is_off_charges_nothing) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = pool_that_counts(wake, TT_CPU_OFF);
    struct probe probe;
    spin_on(pool, wake, &probe);
    ck_assert_uint_eq(probe.job.cpu_us, 0);
    probe_end(wake, pool);
}
END_TEST

/** The single job may be charged another's millisecond, but the sum is the thread's. */
START_TEST(sampled_sum_is_the_worker_s_time) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = pool_that_counts(wake, TT_CPU_SAMPLED);
    static struct probe probes[1000];
    struct probe last;
    uint64_t sum_us = 0;
    for (unsigned i = 0; i < COUNT_OF(probes); i++)
        probe_start(pool, &probes[i], NULL);
    probe_init(&last, NULL);
    last.job.run = spin;
    probe_submit(pool, &last);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < COUNT_OF(probes); i++)
        sum_us += probes[i].job.cpu_us;
    ck_assert_uint_lt(sum_us, 500000);
    ck_assert_uint_ge(last.job.cpu_us, SPIN_US);
    ck_assert_uint_lt(last.job.cpu_us, 2 * SPIN_US);
    probe_end(wake, pool);
}
END_TEST

START_TEST(expected_wait_of_a_new_pool_is_a_second) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    ck_assert_uint_eq(tt_pool_expected_wait_us(pool), 1000000);
    probe_end(wake, pool);
}
END_TEST

/** Lets the loop's clock stand at a time of the test's choice. */
static void set_clock(struct tt_wake *wake, uint64_t now_us) {
    wake->now_us = now_us;
    wake->now_is_stale = false;
}

/** As if count jobs had ended one after the other, each_us apart. */
static void end_jobs(struct tt_wake *wake, struct tt_pool *pool, unsigned count, uint64_t each_us) {
    struct tt_job job = {.pool = pool, .outcome = TT_DONE};
    tti_account_begin(pool, wake->now_us);
    pool->waiting_count = count;
    for (unsigned i = 0; i < count; i++) {
        set_clock(wake, wake->now_us + each_us);
        pool->waiting_count--;
        tti_account_end(&job, wake->now_us);
    }
}

static void wait_is_about(struct tt_wake *wake, struct tt_pool *pool, unsigned waiting, uint64_t about_us) {
    tti_account_begin(pool, wake->now_us);
    pool->waiting_count = waiting;
    uint64_t wait_us = tt_pool_expected_wait_us(pool);
    pool->waiting_count = 0;
    pool->rate_idle_us = wake->now_us;
    ck_assert_uint_ge(wait_us, about_us * 9 / 10);
    ck_assert_uint_le(wait_us, about_us * 11 / 10);
}

START_TEST(expected_wait_follows_the_measured_rate) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1000, 0);
    set_clock(wake, tt_wake_now_us(wake));
    end_jobs(wake, pool, 300, 10000); /* 100 a second for 3 s */
    wait_is_about(wake, pool, 50, 500000);
    wait_is_about(wake, pool, 100, 1000000);
    end_jobs(wake, pool, 3000, 1000); /* then 1,000 a second */
    wait_is_about(wake, pool, 50, 50000);
    ck_assert_uint_eq(tt_pool_expected_wait_us(pool), 1); /* nobody waits */
    end_jobs(wake, pool, 6, 1000000);                     /* then one a second */
    wait_is_about(wake, pool, 5, 5000000);
    memset(pool->outcomes, 0, sizeof pool->outcomes); /* those ends were never submitted */
    probe_end(wake, pool);
}
END_TEST

/** An hour without work used to count as an hour of slow work: Retry-After of hours. */
START_TEST(expected_wait_does_not_count_idle_time) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1000, 0);
    set_clock(wake, tt_wake_now_us(wake));
    end_jobs(wake, pool, 50, 10000);
    set_clock(wake, wake->now_us + UINT64_C(3600) * 1000000);
    wait_is_about(wake, pool, 100, 1000000);
    end_jobs(wake, pool, 1, 10000);
    set_clock(wake, wake->now_us + UINT64_C(3600) * 1000000);
    end_jobs(wake, pool, 60, 10000);
    wait_is_about(wake, pool, 100, 1000000);
    memset(pool->outcomes, 0, sizeof pool->outcomes);
    probe_end(wake, pool);
}
END_TEST

START_TEST(expected_wait_grows_while_nothing_ends) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1000, 0);
    set_clock(wake, tt_wake_now_us(wake));
    end_jobs(wake, pool, 200, 10000);
    tti_account_begin(pool, wake->now_us);
    pool->waiting_count = 10;
    uint64_t before_us = tt_pool_expected_wait_us(pool);
    set_clock(wake, wake->now_us + 20000000);
    ck_assert_uint_gt(tt_pool_expected_wait_us(pool), before_us * 5);
    pool->waiting_count = 0;
    memset(pool->outcomes, 0, sizeof pool->outcomes);
    probe_end(wake, pool);
}
END_TEST

static struct probe nest_child;
static struct tt_nest_item nest_item;

static enum tt_outcome nests(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    nest_item = (struct tt_nest_item){.job = &nest_child.job};
    ck_assert_int_eq(tt_nest_run(job, job->pool, &nest_item, 1), TT_OK);
    return TT_DONE;
}

static void nest_on(struct tt_pool *pool, struct tt_wake *wake, struct probe *parent, tt_run_fn child_run) {
    probe_init(&nest_child, NULL);
    nest_child.job.run = child_run;
    probe_init(parent, NULL);
    parent->job.run = nests;
    probe_submit(pool, parent);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(parent, TT_DONE);
    probe_assert_ended(&nest_child, TT_DONE);
}

START_TEST(parent_and_child_on_one_thread_are_charged_for_their_own_time) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = pool_that_counts(wake, _i == 0 ? TT_CPU_EXACT : TT_CPU_SAMPLED);
    struct probe parent;
    struct probe other;
    nest_on(pool, wake, &parent, probe_run);
    spin_on(pool, wake, &other); /* between two nests on the same thread */
    nest_on(pool, wake, &parent, probe_run);
    ck_assert_uint_lt(nest_child.job.cpu_us, SPIN_US);
    nest_on(pool, wake, &parent, spin);
    ck_assert_uint_ge(nest_child.job.cpu_us, SPIN_US);
    ck_assert_uint_lt(parent.job.cpu_us, SPIN_US);
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("account");
    TCase *tests = tcase_create("account");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, spinning_job_is_charged_about_its_time, 0, 2);
    tcase_add_loop_test(tests, parent_and_child_on_one_thread_are_charged_for_their_own_time, 0, 2);
    tcase_add_test(tests, job_that_blocks_is_charged_nearly_nothing);
    tcase_add_test(tests, accounting_that_is_off_charges_nothing);
    tcase_add_test(tests, sampled_sum_is_the_worker_s_time);
    tcase_add_test(tests, expected_wait_of_a_new_pool_is_a_second);
    tcase_add_test(tests, expected_wait_follows_the_measured_rate);
    tcase_add_test(tests, expected_wait_does_not_count_idle_time);
    tcase_add_test(tests, expected_wait_grows_while_nothing_ends);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
