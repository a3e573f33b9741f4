/* Jobs that would wait for each other for ever: one child is taken back, and all the others run. */
#include "node.h"
#include "pool/internal.h"

#include <tothread/limiter.h>

#define FAMILIES_MAX 4
#define POOLS_MAX    3

struct family {
    struct node parent;
    struct node child;
};

/* One test's actors. Parents nest once the gate lets them. */
static struct {
    struct tt_wake *wake;
    struct tt_pool *pools[POOLS_MAX];
    struct tt_limiter limiters[2];
    struct gate gate;
    struct family families[FAMILIES_MAX];
    unsigned family_count;
} stage;

static void set_stage(unsigned pool_count, unsigned worker_count) {
    stage.wake = probe_wake();
    gate_init(&stage.gate);
    for (unsigned i = 0; i < pool_count; i++)
        stage.pools[i] = probe_pool(stage.wake, worker_count, 10, 0);
    for (unsigned i = 0; i < COUNT_OF(stage.limiters); i++)
        stage.limiters[i].permit_count = 1;
}

/** A parent that stands at the gate on one of the pool's workers. Limiters may be NULL. */
static struct family *add_family(struct tt_pool *pool, struct tt_limiter *limiter, struct tt_pool *child_pool,
                                 struct tt_limiter *child_limiter) {
    struct family *family = &stage.families[stage.family_count++];
    node_init(&family->parent, child_pool, NULL);
    node_init(&family->child, NULL, NULL);
    adopt(&family->parent, &family->child);
    family->parent.first_gate = &stage.gate;
    family->parent.probe.job.limiter = limiter;
    family->child.probe.job.limiter = child_limiter;
    probe_submit(pool, &family->parent.probe);
    tt_wake_flush(stage.wake);
    gate_await(&stage.gate, 1);
    return family;
}

static unsigned count_sleepers(void) {
    unsigned count = 0;
    for (const struct tti_nest *nest = stage.wake->nests; nest != NULL; nest = nest->next)
        count += nest->is_asleep;
    return count;
}

/** Lets parents go. They sleep in their nests, and the loop has had its look at them. */
static void let_sleep(unsigned count) {
    unsigned all = count_sleepers() + count;
    gate_open(&stage.gate, count);
    DISPATCH_UNTIL(stage.wake, count_sleepers() == all);
}

static bool was_taken_back(const struct family *family) {
    return family->parent.items[0].outcome == TT_CANCELLED;
}

/** Runs all to their end: so many children were taken back, and the others have run. */
static void strike_stage(unsigned taken_back_count) {
    unsigned count = 0;
    for (unsigned i = 0; i < POOLS_MAX && stage.pools[i] != NULL; i++)
        PROBE_TURN_UNTIL(stage.wake, tt_pool_is_idle(stage.pools[i]));
    for (unsigned i = 0; i < stage.family_count; i++) {
        struct family *family = &stage.families[i];
        bool is_back = was_taken_back(family);
        ck_assert_int_eq(family->parent.status, is_back ? TT_DEADLOCK : TT_OK);
        ck_assert_int_eq(family->parent.items[0].status, TT_OK);
        ck_assert_int_eq(family->parent.items[0].outcome, is_back ? TT_CANCELLED : TT_DONE);
        ck_assert_uint_eq(family->child.probe.run_count, is_back ? 0 : 1);
        probe_assert_ended(&family->child.probe, is_back ? TT_CANCELLED : TT_DONE);
        probe_assert_ended(&family->parent.probe, TT_DONE);
        count += is_back;
    }
    ck_assert_uint_eq(count, taken_back_count);
    for (unsigned i = 0; i < COUNT_OF(stage.limiters); i++)
        ck_assert_uint_eq(stage.limiters[i].used_count, 0);
    for (unsigned i = 0; i < POOLS_MAX && stage.pools[i] != NULL; i++) {
        probe_check_books(stage.pools[i]);
        tt_pool_destroy(stage.pools[i]);
    }
    tt_wake_destroy(stage.wake);
}

/* -- permits -- */

START_TEST(permit_of_a_job_behind_the_parents_is_not_waited_for) {
    unsigned workers = (unsigned)_i;
    struct probe holder;
    set_stage(1, workers);
    for (unsigned i = 0; i < workers; i++)
        (void)add_family(stage.pools[0], NULL, stage.pools[0], &stage.limiters[0]);
    probe_init(&holder, NULL);
    holder.job.limiter = &stage.limiters[0];
    probe_submit(stage.pools[0], &holder);
    gate_open(&stage.gate, workers);
    strike_stage(1);
    probe_assert_ended(&holder, TT_DONE);
}
END_TEST

START_TEST(permit_for_which_a_job_behind_the_parent_comes_first_is_not_waited_for) {
    struct gate holders_gate;
    struct probe holder;
    struct probe next;
    set_stage(2, 1);
    gate_init(&holders_gate);
    struct family *family = add_family(stage.pools[0], NULL, stage.pools[0], &stage.limiters[0]);
    probe_init(&holder, &holders_gate);
    probe_init(&next, NULL);
    holder.job.limiter = &stage.limiters[0];
    next.job.limiter = &stage.limiters[0];
    probe_submit(stage.pools[1], &holder); /* it runs elsewhere, and ends */
    probe_submit(stage.pools[0], &next);   /* it doesn't: the parent holds its worker */
    gate_open(&stage.gate, 1);
    PROBE_TURN_UNTIL(stage.wake, family->parent.probe.done_count == 1);
    ck_assert(was_taken_back(family));
    gate_open(&holders_gate, 1);
    strike_stage(1);
    probe_assert_ended(&next, TT_DONE);
}
END_TEST

START_TEST(permits_that_parents_hold_crosswise_are_not_waited_for) {
    set_stage(1, 4); /* of threads there are enough */
    (void)add_family(stage.pools[0], &stage.limiters[0], stage.pools[0], &stage.limiters[1]);
    (void)add_family(stage.pools[0], &stage.limiters[1], stage.pools[0], &stage.limiters[0]);
    gate_open(&stage.gate, 2);
    strike_stage(1);
}
END_TEST

START_TEST(permit_whose_holder_runs_is_waited_for) {
    struct gate holders_gate;
    struct probe holder;
    set_stage(2, 1);
    gate_init(&holders_gate);
    (void)add_family(stage.pools[0], NULL, stage.pools[0], &stage.limiters[0]);
    probe_init(&holder, &holders_gate);
    holder.job.limiter = &stage.limiters[0];
    probe_submit(stage.pools[1], &holder);
    let_sleep(1);
    gate_open(&holders_gate, 1);
    strike_stage(0);
}
END_TEST

START_TEST(limiter_that_gets_smaller_may_close_a_circle) {
    struct gate holders_gate;
    struct probe holder;
    set_stage(2, 1);
    gate_init(&holders_gate);
    stage.limiters[0].permit_count = 2;
    struct family *family = add_family(stage.pools[0], NULL, stage.pools[0], &stage.limiters[0]);
    probe_init(&holder, &holders_gate);
    holder.job.limiter = &stage.limiters[0];
    probe_submit(stage.pools[1], &holder);
    struct probe behind;
    probe_init(&behind, NULL);
    behind.job.limiter = &stage.limiters[0];
    probe_submit(stage.pools[0], &behind);
    let_sleep(1); /* one of the two permits comes back */
    tt_limiter_resize(&stage.limiters[0], 1);
    PROBE_TURN_UNTIL(stage.wake, family->parent.probe.done_count == 1);
    ck_assert(was_taken_back(family));
    gate_open(&holders_gate, 1);
    strike_stage(1);
}
END_TEST

START_TEST(limiter_that_goes_on_may_close_a_circle) {
    struct probe behind;
    set_stage(1, 1);
    struct family *family = add_family(stage.pools[0], NULL, stage.pools[0], &stage.limiters[0]);
    probe_init(&behind, NULL);
    behind.job.limiter = &stage.limiters[0];
    tt_limiter_pause(&stage.limiters[0]);
    probe_submit(stage.pools[0], &behind);
    let_sleep(1); /* who knows what comes of it meanwhile */
    tt_limiter_resume(&stage.limiters[0]);
    PROBE_TURN_UNTIL(stage.wake, family->parent.probe.done_count == 1);
    strike_stage(1);
    probe_assert_ended(&behind, TT_DONE);
}
END_TEST

/* -- threads -- */

START_TEST(pools_that_nest_into_each_other_at_once_lose_one_child) {
    unsigned workers = (unsigned)_i;
    set_stage(2, workers);
    for (unsigned i = 0; i < 2 * workers; i++)
        (void)add_family(stage.pools[i % 2], NULL, stage.pools[1 - i % 2], NULL);
    gate_open(&stage.gate, 2 * workers);
    strike_stage(1);
}
END_TEST

START_TEST(three_pools_in_a_ring_lose_one_child) {
    set_stage(3, 1);
    for (unsigned i = 0; i < 3; i++)
        (void)add_family(stage.pools[i], NULL, stage.pools[(i + 1) % 3], NULL);
    gate_open(&stage.gate, 3);
    strike_stage(1);
}
END_TEST

START_TEST(parent_that_waits_for_a_circle_keeps_its_child) {
    set_stage(3, 1);
    (void)add_family(stage.pools[0], NULL, stage.pools[1], NULL);
    struct family *outside = add_family(stage.pools[2], NULL, stage.pools[0], NULL);
    (void)add_family(stage.pools[1], NULL, stage.pools[0], NULL);
    gate_open(&stage.gate, 3);
    strike_stage(1);
    ck_assert(!was_taken_back(outside));
}
END_TEST

START_TEST(worker_that_is_still_busy_lets_nobody_be_taken_back) {
    struct gate busy_gate;
    struct probe busy;
    set_stage(2, 1);
    gate_init(&busy_gate);
    ck_assert_int_eq(tt_pool_resize(stage.pools[0], 2), TT_OK);
    probe_start(stage.pools[0], &busy, &busy_gate);
    tt_wake_flush(stage.wake);
    gate_await(&busy_gate, 1);
    (void)add_family(stage.pools[0], NULL, stage.pools[1], NULL);
    (void)add_family(stage.pools[1], NULL, stage.pools[0], NULL);
    let_sleep(2);
    gate_open(&busy_gate, 1);
    strike_stage(0);
}
END_TEST

START_TEST(pool_that_gets_smaller_may_close_a_circle) {
    struct gate busy_gate;
    struct probe busy;
    set_stage(2, 1);
    gate_init(&busy_gate);
    ck_assert_int_eq(tt_pool_resize(stage.pools[0], 2), TT_OK);
    probe_start(stage.pools[0], &busy, &busy_gate);
    tt_wake_flush(stage.wake);
    gate_await(&busy_gate, 1);
    (void)add_family(stage.pools[0], NULL, stage.pools[1], NULL);
    (void)add_family(stage.pools[1], NULL, stage.pools[0], NULL);
    let_sleep(2);
    ck_assert_int_eq(tt_pool_resize(stage.pools[0], 1), TT_OK);
    gate_open(&busy_gate, 1); /* its worker is one too many, and ends */
    strike_stage(1);
}
END_TEST

START_TEST(reserved_worker_does_not_come_for_a_child_of_normal_priority) {
    bool is_high = _i != 0;
    set_stage(1, 1);
    const struct tt_pool_options options = {
        .name = "reserved", .worker_count = 2, .queue_limit = 10, .reserved_count = 1};
    stage.pools[1] = probe_pool_with(stage.wake, &options);
    (void)add_family(stage.pools[1], NULL, stage.pools[0], NULL);
    struct family *family = add_family(stage.pools[0], NULL, stage.pools[1], NULL);
    family->child.probe.job.priority = is_high ? TT_PRIORITY_HIGH : TT_PRIORITY_LOW;
    gate_open(&stage.gate, 2);
    strike_stage(is_high ? 0 : 1);
}
END_TEST

START_TEST(fewer_workers_for_all_may_close_a_circle_though_none_ends) {
    struct gate gates[2];
    struct probe late;
    struct probe high;
    set_stage(1, 1);
    const struct tt_pool_options options = {
        .name = "reserved", .worker_count = 3, .queue_limit = 10, .reserved_count = 1};
    stage.pools[1] = probe_pool_with(stage.wake, &options);
    gate_init(&gates[0]);
    gate_init(&gates[1]);
    probe_init(&late, &gates[0]);
    late.job.run_timeout_us = 1000;
    probe_submit(stage.pools[1], &late);
    PROBE_TURN_UNTIL(stage.wake, late.done_count == 1); /* nobody stands in for its worker */
    probe_init(&high, &gates[1]);
    high.job.priority = TT_PRIORITY_HIGH;
    probe_submit(stage.pools[1], &high);
    tt_wake_flush(stage.wake);
    gate_await(&gates[1], 1);
    struct family *inner = add_family(stage.pools[1], NULL, stage.pools[0], NULL);
    struct family *outer = add_family(stage.pools[0], NULL, stage.pools[1], NULL);
    let_sleep(2);
    ck_assert_int_eq(tt_pool_resize(stage.pools[1], 2), TT_OK);
    PROBE_TURN_UNTIL(stage.wake, inner->parent.probe.done_count + outer->parent.probe.done_count != 0);
    gate_open(&gates[0], 1);
    gate_open(&gates[1], 1);
    strike_stage(1);
}
END_TEST

START_TEST(parent_that_was_given_up_is_let_out_as_well) {
    set_stage(2, 1);
    struct family *late = add_family(stage.pools[0], NULL, stage.pools[1], &stage.limiters[0]);
    tt_limiter_pause(&stage.limiters[0]);
    let_sleep(1);
    ck_assert_int_eq(tt_job_abandon(&late->parent.probe.job), TT_OK);
    PROBE_TURN_UNTIL(stage.wake, late->parent.probe.done_count == 1);
    struct family *other = add_family(stage.pools[1], NULL, stage.pools[0], NULL);
    tt_limiter_resume(&stage.limiters[0]);
    gate_open(&stage.gate, 1);
    PROBE_TURN_UNTIL(stage.wake, other->parent.probe.done_count == 1);
    PROBE_TURN_UNTIL(stage.wake, tt_pool_is_idle(stage.pools[0]));
    ck_assert_int_eq(late->parent.probe.outcome, TT_ABANDONED);
    ck_assert_int_eq(was_taken_back(late) + was_taken_back(other), 1);
    stage.family_count = 0; /* the first one hasn't ended as parents do */
    strike_stage(0);
}
END_TEST

START_TEST(child_that_sleeps_itself_loses_its_own_child) {
    struct gate gates[2];
    struct probe busy;
    struct probe behind;
    struct node awake; /* runs on its parent's thread, which therefore isn't asleep yet */
    struct node parent;
    struct node child;
    struct node grandchild;
    set_stage(1, 2);
    gate_init(&gates[0]);
    gate_init(&gates[1]);
    probe_start(stage.pools[0], &busy, &gates[0]);
    tt_wake_flush(stage.wake);
    gate_await(&gates[0], 1);
    node_init(&parent, stage.pools[0], NULL);
    node_init(&awake, NULL, &gates[1]);
    node_init(&child, stage.pools[0], NULL);
    node_init(&grandchild, NULL, NULL);
    child.first_gate = &stage.gate;
    grandchild.probe.job.limiter = &stage.limiters[0];
    adopt(&parent, &awake);
    adopt(&parent, &child);
    adopt(&child, &grandchild);
    probe_submit(stage.pools[0], &parent.probe);
    DISPATCH_UNTIL(stage.wake, gate_arrived(&gates[1]) == 1);
    gate_open(&gates[0], 1);
    gate_await(&stage.gate, 1); /* the other thread has taken the child */
    probe_init(&behind, NULL);
    behind.job.limiter = &stage.limiters[0];
    probe_submit(stage.pools[0], &behind);
    let_sleep(1);
    gate_open(&gates[1], 1);
    strike_stage(0);
    ck_assert_int_eq(parent.status, TT_OK);
    ck_assert_int_eq(parent.items[1].outcome, TT_DONE);
    ck_assert_int_eq(child.status, TT_DEADLOCK);
    probe_assert_ended(&grandchild.probe, TT_CANCELLED);
    probe_assert_ended(&behind, TT_DONE);
    probe_assert_ended(&parent.probe, TT_DONE);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("circle");
    TCase *tests = tcase_create("circle");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, permit_of_a_job_behind_the_parents_is_not_waited_for, 1, 3);
    tcase_add_test(tests, permit_for_which_a_job_behind_the_parent_comes_first_is_not_waited_for);
    tcase_add_test(tests, permits_that_parents_hold_crosswise_are_not_waited_for);
    tcase_add_test(tests, permit_whose_holder_runs_is_waited_for);
    tcase_add_test(tests, limiter_that_gets_smaller_may_close_a_circle);
    tcase_add_test(tests, limiter_that_goes_on_may_close_a_circle);
    tcase_add_loop_test(tests, pools_that_nest_into_each_other_at_once_lose_one_child, 1, 3);
    tcase_add_test(tests, three_pools_in_a_ring_lose_one_child);
    tcase_add_test(tests, parent_that_waits_for_a_circle_keeps_its_child);
    tcase_add_test(tests, worker_that_is_still_busy_lets_nobody_be_taken_back);
    tcase_add_test(tests, pool_that_gets_smaller_may_close_a_circle);
    tcase_add_loop_test(tests, reserved_worker_does_not_come_for_a_child_of_normal_priority, 0, 2);
    tcase_add_test(tests, fewer_workers_for_all_may_close_a_circle_though_none_ends);
    tcase_add_test(tests, parent_that_was_given_up_is_let_out_as_well);
    tcase_add_test(tests, child_that_sleeps_itself_loses_its_own_child);
    return probe_main(suite);
}
