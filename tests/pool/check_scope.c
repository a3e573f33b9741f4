/* Scope: children that begin and end together; done comes when no thread is inside any of them. */
#include "probe.h"

#include <tothread/context.h>
#include <tothread/scope.h>

#define MOST 5

struct kid {
    struct tt_scope_child child;
    struct probe probe;
    unsigned release_count;
    struct kid *brings; /* submitted in this one's job's done */
    struct kid *brings_in_release;
    enum tt_status brought; /* what the scope said to it */
};

#define KID_OF(child_)   ((struct kid *)(child_))
#define KID_OF_JOB(job_) ((struct kid *)((char *)(job_)-offsetof(struct kid, probe.job)))

static struct tt_wake *wake;
static struct tt_pool *pool;
static struct gate gate;
static struct tt_scope scope;
static struct tt_scope seen; /* as done saw it */
static struct kid kids[MOST];
static unsigned done_count;
static unsigned released_by_then;
static unsigned failure_count;
static struct tt_scope_child *failed;
static struct tt_context *seen_context;

static void kid_done(struct tt_job *job) {
    struct kid *kid = KID_OF_JOB(job);
    probe_done(job);
    if (kid->brings != NULL)
        kid->brought = tt_scope_submit(&scope, pool, &kid->brings->child);
}

static void kid_release(struct tt_scope_child *child) {
    struct kid *kid = KID_OF(child);
    ck_assert_uint_eq(kid->probe.release_count, 1); /* job->release first */
    kid->release_count++;
    if (kid->brings_in_release != NULL)
        kid->brought = tt_scope_submit(&scope, pool, &kid->brings_in_release->child);
}

static void kid_init(struct kid *kid, struct gate *its_gate) {
    memset(kid, 0, sizeof *kid);
    probe_init(&kid->probe, its_gate);
    kid->probe.job.done = kid_done;
    kid->probe.job.name = "kid";
    kid->child.job = &kid->probe.job;
    kid->child.release = kid_release;
}

static void begin(uint32_t worker_count) {
    wake = probe_wake();
    pool = probe_pool(wake, worker_count, 10, 2);
    gate_init(&gate);
    for (unsigned i = 0; i < MOST; i++)
        kid_init(&kids[i], NULL);
}

static void end(void) {
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (size_t i = 0; i < sizeof scope && done_count != 0; i++)
        ck_assert_uint_eq(((const unsigned char *)&scope)[i], 0xa5); /* not touched after done */
    PROBE_TURN_UNTIL(wake, tt_wake_prepare(wake) == -1);             /* no clock runs on, but for the pool's own */
    (void)tt_wake_dispatch(wake, 10);
    probe_end(wake, pool);
    gate_deinit(&gate);
}

static void submit(unsigned i) {
    ck_assert_int_eq(tt_scope_submit(&scope, pool, &kids[i].child), TT_OK);
}

/** Submits the first count children to stand at the gate, one a worker. */
static void submit_at_gate(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        kids[i].probe.gate = &gate;
        submit(i);
    }
    tt_wake_flush(wake);
    gate_await(&gate, count);
}

static void on_done(struct tt_scope *which) {
    ck_assert_ptr_eq(which, &scope);
    ck_assert_uint_eq(done_count++, 0);
    seen = scope;
    seen_context = tt_context_current();
    for (unsigned i = 0; i < MOST; i++)
        released_by_then += kids[i].release_count;
    memset(&scope, 0xa5, sizeof scope); /* ours again */
}

static void on_failure(struct tt_scope *which, struct tt_scope_child *child) {
    ck_assert_ptr_eq(which, &scope);
    failure_count++;
    failed = child;
    ck_assert_ptr_nonnull(child->job);
    ck_assert_int_ne(child->outcome, TT_NONE);
}

static void close_scope(void) {
    ck_assert_int_eq(tt_scope_close(&scope, on_done), TT_OK);
    ck_assert_uint_eq(done_count, 0); /* never from inside the call */
}

static void turn_until_done(void) {
    PROBE_TURN_UNTIL(wake, done_count == 1);
}

static enum tt_outcome run_until_asked(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    atomic_fetch_add(&PROBE_OF(job)->run_count, 1);
    sem_post(&gate.arrived);
    while (!tt_job_is_cancelled(job))
        (void)sched_yield();
    return TT_CANCELLED;
}

START_TEST(scope_is_done_after_every_child_was_released) {
    begin((uint32_t)_i);
    tt_scope_open(&scope, wake);
    for (unsigned i = 0; i < MOST; i++)
        submit(i);
    close_scope();
    turn_until_done();
    ck_assert_int_eq(seen.outcome, TT_DONE);
    ck_assert_uint_eq(released_by_then, MOST);
    ck_assert_uint_eq(seen.submitted_count, MOST);
    ck_assert_uint_eq(seen.left_count + seen.held_count + seen.failed_count + seen.cancelled_count, 0);
    ck_assert_ptr_null(seen.first_failed);
    for (unsigned i = 0; i < MOST; i++)
        ck_assert_int_eq(kids[i].child.outcome, TT_DONE);
    end();
}
END_TEST

START_TEST(scope_without_children_is_done_in_the_next_dispatch) {
    begin((uint32_t)_i);
    tt_scope_open(&scope, wake);
    close_scope();
    ck_assert_int_eq(tt_scope_cancel(&scope, TT_STOP_ASK), TT_TOO_LATE);
    ck_assert_int_eq(tt_scope_submit(&scope, pool, &kids[0].child), TT_CLOSED);
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(done_count, 1);
    ck_assert_int_eq(seen.outcome, TT_DONE);
    end();
}
END_TEST

START_TEST(scope_closed_after_its_children_have_gone_is_done) {
    begin((uint32_t)_i);
    tt_scope_open(&scope, wake);
    submit(0);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(kids[0].release_count, 1);
    ck_assert_uint_eq(done_count, 0);
    close_scope();
    turn_until_done();
    ck_assert_uint_eq(seen.submitted_count, 1);
    end();
}
END_TEST

START_TEST(mistakes_are_refused) {
    begin((uint32_t)_i);
    ck_assert_int_eq(tt_scope_submit(&scope, pool, &kids[0].child), TT_INVALID); /* not open */
    ck_assert_int_eq(tt_scope_cancel(&scope, TT_STOP_ASK), TT_INVALID);
    ck_assert_int_eq(tt_scope_close(&scope, on_done), TT_INVALID);
    tt_scope_open(&scope, wake);
    submit(0);
    ck_assert_int_eq(tt_scope_submit(&scope, pool, &kids[0].child), TT_INVALID); /* in a scope */
    kids[2].child.job = &kids[0].probe.job;
    ck_assert_int_eq(tt_scope_submit(&scope, pool, &kids[2].child), TT_INVALID); /* somebody else's job */
    kids[2].child.job = NULL;
    ck_assert_int_eq(tt_scope_submit(&scope, pool, &kids[2].child), TT_INVALID);
    close_scope();
    ck_assert_int_eq(tt_scope_close(&scope, on_done), TT_INVALID);
    turn_until_done();
    ck_assert_uint_eq(seen.submitted_count, 1);
    end();
}
END_TEST

START_TEST(refusal_by_the_pool_does_not_fail_the_scope) {
    begin((uint32_t)_i);
    tt_scope_open(&scope, wake);
    submit(0);
    tt_pool_close(pool);
    ck_assert_int_eq(tt_scope_submit(&scope, pool, &kids[1].child), TT_CLOSED);
    close_scope();
    turn_until_done();
    ck_assert_int_eq(seen.outcome, TT_DONE);
    ck_assert_uint_eq(seen.submitted_count, 1);
    end();
}
END_TEST

START_TEST(children_add_siblings_even_after_the_close) {
    begin((uint32_t)_i);
    tt_scope_open(&scope, wake);
    kids[0].brings = &kids[1];
    kids[1].brings_in_release = &kids[2];
    submit(0);
    close_scope();
    turn_until_done();
    ck_assert_uint_eq(seen.submitted_count, 3);
    ck_assert_uint_eq(released_by_then, 3);
    ck_assert_int_eq(kids[0].brought, TT_OK);
    ck_assert_int_eq(kids[1].brought, TT_OK);
    end();
}
END_TEST

static unsigned rounds;

static void release_round(struct tt_scope_child *child) {
    if (--rounds > 0)
        ck_assert_int_eq(tt_scope_submit(&scope, pool, child), TT_OK);
}

START_TEST(child_may_be_submitted_again_in_its_release) {
    begin((uint32_t)_i);
    tt_scope_open(&scope, wake);
    rounds = 10;
    kids[0].child.release = release_round;
    kids[0].probe.job.done = NULL;
    kids[0].probe.job.release = NULL;
    submit(0);
    close_scope();
    turn_until_done();
    ck_assert_uint_eq(kids[0].probe.run_count, 10);
    ck_assert_uint_eq(seen.submitted_count, 10);
    end();
}
END_TEST

START_TEST(first_failure_ends_the_others_and_refuses_new_ones) {
    begin(2);
    struct tt_limiter limiter = {.permit_count = 1}; /* the first child's: the others wait, whichever worker is free */
    scope.on_failure = on_failure;
    tt_scope_open(&scope, wake);
    kids[0].probe.job.run = run_until_asked;
    for (unsigned i = 0; i < MOST; i++)
        kids[i].probe.job.limiter = i != 1 ? &limiter : NULL;
    submit(0);
    tt_wake_flush(wake);
    gate_await(&gate, 1); /* one worker is taken */
    kids[1].probe.says = TT_FAILED;
    kids[1].brings = &kids[4];
    kids[1].probe.gate = &gate;
    submit(1);
    tt_wake_flush(wake);
    gate_await(&gate, 1); /* and the other */
    submit(2);
    submit(3);
    close_scope();
    gate_open(&gate, 1);
    turn_until_done();
    ck_assert_int_eq(seen.outcome, TT_FAILED);
    ck_assert_ptr_eq(seen.first_failed, &kids[1].child);
    ck_assert_int_eq(seen.first_outcome, TT_FAILED);
    ck_assert_str_eq(seen.first_name, "kid");
    ck_assert_uint_eq(failure_count, 1);
    ck_assert_ptr_eq(failed, &kids[1].child);
    ck_assert_int_eq(kids[1].brought, TT_OK); /* its done comes before the scope knows: a child like any other */
    ck_assert_uint_eq(released_by_then, 5);
    ck_assert_uint_eq(seen.cancelled_count, 4);
    ck_assert_uint_eq(seen.failed_count, 1);
    ck_assert_int_eq(kids[0].child.outcome, TT_CANCELLED);
    ck_assert_uint_eq(kids[2].probe.run_count + kids[3].probe.run_count + kids[4].probe.run_count, 0);
    end();
}
END_TEST

START_TEST(ending_scope_refuses_children) {
    begin((uint32_t)_i);
    tt_scope_open(&scope, wake);
    kids[0].probe.says = TT_FAILED;
    submit(0);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(scope.outcome, TT_FAILED);
    ck_assert_int_eq(tt_scope_submit(&scope, pool, &kids[1].child), TT_TOO_LATE);
    ck_assert(tt_pool_is_idle(pool));
    close_scope();
    turn_until_done();
    ck_assert_int_eq(seen.outcome, TT_FAILED);
    end();
}
END_TEST

START_TEST(cancelled_child_does_not_end_the_others) {
    begin((uint32_t)_i);
    scope.on_failure = on_failure;
    tt_scope_open(&scope, wake);
    submit(0);
    submit(1);
    ck_assert_int_eq(tt_job_cancel(&kids[0].probe.job), TT_OK);
    close_scope();
    turn_until_done();
    ck_assert_int_eq(seen.outcome, TT_DONE);
    ck_assert_uint_eq(seen.cancelled_count, 1);
    ck_assert_uint_eq(failure_count, 0);
    ck_assert_int_eq(kids[1].child.outcome, TT_DONE);
    end();
}
END_TEST

START_TEST(later_failures_are_counted_and_the_first_is_kept) {
    begin(2);
    scope.on_failure = on_failure;
    tt_scope_open(&scope, wake);
    kids[0].probe.says = TT_CRASHED;
    kids[1].probe.says = TT_FAILED;
    submit_at_gate(2);
    gate_open(&gate, 2);
    close_scope();
    turn_until_done();
    ck_assert_uint_eq(seen.failed_count, 2);
    ck_assert_uint_eq(failure_count, 1);
    ck_assert_ptr_eq(seen.first_failed, failed);
    ck_assert_int_eq(seen.first_outcome, failed == &kids[0].child ? TT_CRASHED : TT_FAILED);
    end();
}
END_TEST

START_TEST(cancel_takes_back_asks_and_waits) {
    begin(2);
    tt_scope_open(&scope, wake);
    kids[0].probe.job.run = run_until_asked;
    submit(0);
    kids[1].probe.gate = &gate; /* ignores it */
    submit(1);
    submit(2);
    tt_wake_flush(wake);
    gate_await(&gate, 2);
    ck_assert_int_eq(tt_scope_cancel(&scope, TT_STOP_ASK), TT_OK);
    ck_assert_int_eq(scope.outcome, TT_CANCELLED);
    ck_assert_int_eq(tt_scope_submit(&scope, pool, &kids[3].child), TT_TOO_LATE);
    close_scope();
    ck_assert_int_eq(tt_scope_cancel(&scope, TT_STOP_ASK), TT_OK); /* again is fine */
    PROBE_TURN_UNTIL(wake, kids[0].release_count + kids[2].release_count == 2);
    ck_assert_uint_eq(done_count, 0);
    gate_open(&gate, 1);
    turn_until_done();
    ck_assert_int_eq(seen.outcome, TT_CANCELLED);
    ck_assert_int_eq(kids[1].child.outcome, TT_DONE);
    ck_assert_uint_eq(seen.cancelled_count, 2);
    ck_assert_uint_eq(kids[2].probe.run_count, 0);
    end();
}
END_TEST

START_TEST(failure_after_a_cancel_is_kept_but_the_scope_stays_cancelled) {
    begin(1);
    tt_scope_open(&scope, wake);
    kids[0].probe.says = TT_FAILED;
    submit_at_gate(1);
    ck_assert_int_eq(tt_scope_cancel(&scope, TT_STOP_ASK), TT_OK);
    close_scope();
    gate_open(&gate, 1);
    turn_until_done();
    ck_assert_int_eq(seen.outcome, TT_CANCELLED);
    ck_assert_ptr_eq(seen.first_failed, &kids[0].child);
    end();
}
END_TEST

START_TEST(done_waits_for_abandoned_children_to_return) {
    begin(2);
    tt_scope_open(&scope, wake);
    submit_at_gate(2);
    if (_i == 1) { /* asked first, abandoned as they don't react */
        ck_assert_int_eq(tt_scope_cancel(&scope, TT_STOP_ASK), TT_OK);
        (void)tt_wake_dispatch(wake, 10);
        ck_assert_uint_eq(scope.left_count, 2);
    }
    ck_assert_int_eq(tt_scope_cancel(&scope, TT_STOP_ABANDON), TT_OK);
    close_scope();
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(scope.left_count, 0); /* all have ended */
    ck_assert_uint_eq(scope.held_count, 2); /* and still run */
    ck_assert_uint_eq(done_count, 0);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, scope.held_count == 1);
    ck_assert_uint_eq(done_count, 0);
    gate_open(&gate, 1);
    turn_until_done();
    ck_assert_uint_eq(seen.cancelled_count, 2);
    end();
}
END_TEST

START_TEST(grace_abandons_those_that_do_not_react) {
    begin(2);
    scope.grace_us = 1000;
    scope.flags = _i == 0 ? 0 : TT_SCOPE_LEAVE;
    tt_scope_open(&scope, wake);
    submit_at_gate(1);
    kids[1].probe.says = TT_FAILED; /* which begins the end */
    submit(1);
    close_scope();
    PROBE_TURN_UNTIL(wake, kids[0].child.outcome == TT_ABANDONED);
    ck_assert_uint_eq(kids[0].release_count, 0);
    ck_assert_uint_eq(done_count, (unsigned)_i);
    if (_i == 1) {
        ck_assert_uint_eq(seen.held_count, 1); /* left behind, and said so */
        ck_assert_uint_eq(seen.left_count, 0);
    }
    gate_open(&gate, 1);
    turn_until_done();
    PROBE_TURN_UNTIL(wake, kids[0].release_count == 1);
    ck_assert_int_eq(seen.outcome, TT_FAILED);
    end();
}
END_TEST

START_TEST(leaving_scope_that_leaves_nobody_is_done_after_the_last_release) {
    begin((uint32_t)_i);
    scope.flags = TT_SCOPE_LEAVE;
    tt_scope_open(&scope, wake);
    submit(0);
    submit(1);
    close_scope();
    turn_until_done();
    ck_assert_uint_eq(seen.held_count, 0);
    ck_assert_uint_eq(released_by_then, 2);
    end();
}
END_TEST

START_TEST(leaving_scope_closed_over_zombies_is_done_in_the_next_dispatch) {
    struct tt_scope next = {0};
    begin(2);
    scope.flags = TT_SCOPE_LEAVE;
    tt_scope_open(&scope, wake);
    submit_at_gate(2);
    ck_assert_int_eq(tt_job_abandon(&kids[0].probe.job), TT_OK);
    ck_assert_int_eq(tt_job_abandon(&kids[1].probe.job), TT_OK);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_uint_eq(scope.held_count, 2);
    close_scope();
    if (_i == 1) { /* a child comes before the close is told of: it is waited for */
        kids[2].probe.gate = &gate;
        submit(2);
        (void)tt_wake_dispatch(wake, 10);
        ck_assert_uint_eq(done_count, 0);
        gate_open(&gate, 1);
    } else {
        (void)tt_wake_dispatch(wake, 10);
        ck_assert_uint_eq(done_count, 1);
        ck_assert_uint_eq(seen.held_count, 2);
        tt_scope_open(&next, wake);
        ck_assert_int_eq(tt_scope_submit(&next, pool, &kids[1].child), TT_INVALID); /* still left behind */
        ck_assert_int_eq(tt_scope_close(&next, NULL), TT_OK);
    }
    gate_open(&gate, 2);
    turn_until_done();
    PROBE_TURN_UNTIL(wake, kids[0].release_count + kids[1].release_count == 2);
    end();
}
END_TEST

START_TEST(time_out_cancels_the_scope) {
    begin(1);
    scope.timeout_us = 1000;
    tt_scope_open(&scope, wake);
    kids[0].probe.job.run = run_until_asked;
    submit(0);
    submit(1);
    close_scope();
    turn_until_done();
    ck_assert_int_eq(seen.outcome, TT_EXPIRED_RUN);
    ck_assert_uint_eq(seen.cancelled_count, 2);
    end();
}
END_TEST

START_TEST(scope_that_ends_in_time_stops_its_clocks) {
    begin((uint32_t)_i);
    scope.timeout_us = 3600u * 1000000u;
    scope.grace_us = 3600u * 1000000u;
    tt_scope_open(&scope, wake);
    kids[0].probe.says = _i == 0 ? TT_DONE : TT_FAILED;
    submit(0);
    close_scope();
    turn_until_done();
    end(); /* asks for -1 */
}
END_TEST

START_TEST(run_time_out_of_a_child_is_a_failure) {
    begin(1);
    tt_scope_open(&scope, wake);
    kids[0].probe.job.run_timeout_us = 1000;
    submit_at_gate(1);
    submit(1);
    close_scope();
    PROBE_TURN_UNTIL(wake, kids[0].child.outcome != TT_NONE);
    ck_assert_int_eq(kids[0].child.outcome, TT_EXPIRED_RUN);
    ck_assert_int_eq(scope.outcome, TT_FAILED);
    gate_open(&gate, 1);
    turn_until_done();
    end();
}
END_TEST

static void cancel_scope(struct tt_job *job) {
    probe_done(job);
    ck_assert_int_eq(tt_scope_cancel(&scope, TT_STOP_ABANDON), TT_OK);
}

START_TEST(child_may_cancel_its_scope) {
    begin((uint32_t)_i);
    tt_scope_open(&scope, wake);
    kids[0].probe.job.done = cancel_scope;
    for (unsigned i = 0; i < 3; i++)
        submit(i);
    close_scope();
    turn_until_done();
    ck_assert_int_eq(seen.outcome, TT_CANCELLED);
    ck_assert_int_eq(kids[0].child.outcome, TT_DONE);
    end();
}
END_TEST

START_TEST(done_runs_in_the_context_of_the_close) {
    begin((uint32_t)_i);
    tt_scope_open(&scope, wake);
    if (_i != 0)
        submit(0);
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.tenant = "acme"}, NULL);
    struct tt_context *before = tt_context_enter(context);
    close_scope();
    (void)tt_context_enter(before);
    tt_context_release(context);
    turn_until_done();
    ck_assert_ptr_eq(seen_context, context);
    end();
}
END_TEST

START_TEST(all_functions_may_be_null) {
    begin((uint32_t)_i);
    tt_scope_open(&scope, wake);
    kids[0].child.release = NULL;
    kids[0].probe.says = TT_FAILED;
    submit(0);
    ck_assert_int_eq(tt_scope_close(&scope, NULL), TT_OK);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(scope.held_count, 0);
    ck_assert_int_eq(tt_scope_cancel(&scope, TT_STOP_ASK), TT_INVALID); /* over */
    end();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("scope");
    TCase *tests = tcase_create("scope");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, scope_is_done_after_every_child_was_released, 0, 3);
    tcase_add_loop_test(tests, scope_without_children_is_done_in_the_next_dispatch, 0, 3);
    tcase_add_loop_test(tests, scope_closed_after_its_children_have_gone_is_done, 0, 3);
    tcase_add_loop_test(tests, mistakes_are_refused, 0, 3);
    tcase_add_loop_test(tests, refusal_by_the_pool_does_not_fail_the_scope, 0, 3);
    tcase_add_loop_test(tests, children_add_siblings_even_after_the_close, 0, 3);
    tcase_add_loop_test(tests, child_may_be_submitted_again_in_its_release, 0, 3);
    tcase_add_test(tests, first_failure_ends_the_others_and_refuses_new_ones);
    tcase_add_loop_test(tests, ending_scope_refuses_children, 0, 3);
    tcase_add_loop_test(tests, cancelled_child_does_not_end_the_others, 0, 3);
    tcase_add_test(tests, later_failures_are_counted_and_the_first_is_kept);
    tcase_add_test(tests, cancel_takes_back_asks_and_waits);
    tcase_add_test(tests, failure_after_a_cancel_is_kept_but_the_scope_stays_cancelled);
    tcase_add_loop_test(tests, done_waits_for_abandoned_children_to_return, 0, 2);
    tcase_add_loop_test(tests, grace_abandons_those_that_do_not_react, 0, 2);
    tcase_add_loop_test(tests, leaving_scope_that_leaves_nobody_is_done_after_the_last_release, 0, 3);
    tcase_add_loop_test(tests, leaving_scope_closed_over_zombies_is_done_in_the_next_dispatch, 0, 2);
    tcase_add_test(tests, time_out_cancels_the_scope);
    tcase_add_loop_test(tests, scope_that_ends_in_time_stops_its_clocks, 0, 3);
    tcase_add_test(tests, run_time_out_of_a_child_is_a_failure);
    tcase_add_loop_test(tests, child_may_cancel_its_scope, 0, 3);
    tcase_add_loop_test(tests, done_runs_in_the_context_of_the_close, 0, 3);
    tcase_add_loop_test(tests, all_functions_may_be_null, 0, 3);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
