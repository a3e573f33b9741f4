/* Call: a worker has a function run on the loop. Every call ends, in exactly one way, and what was taken back never runs. */
#include "pool/internal.h"
#include "probe.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <tothread/call.h>
#include <tothread/context.h>

/** A job that makes calls. */
struct caller {
    struct probe probe;
    void (*body)(struct caller *caller); /* what run does */
    uint64_t timeout_us;
    _Atomic int status;          /* of the last call */
    _Atomic uint32_t call_count; /* that have returned */
    uint32_t wanted_count;
    struct gate *after; /* passed at the end of run; may be NULL */
    uint32_t ran_count; /* the loop's: how often fn was called */
    pthread_t ran_thread;
    char ran_request[32];
};

#define CALLER_OF(job_) ((struct caller *)((char *)(job_)-offsetof(struct caller, probe.job)))
#define NOT_YET         (-1)

static enum tt_outcome caller_run(struct tt_job *job, void *worker_state) {
    struct caller *caller = CALLER_OF(job);
    enum tt_outcome outcome = probe_run(job, worker_state);
    caller->body(caller);
    if (caller->after != NULL)
        gate_pass(caller->after);
    return outcome;
}

static void caller_init(struct caller *caller, void (*body)(struct caller *caller), uint64_t timeout_us) {
    memset(caller, 0, sizeof *caller);
    probe_init(&caller->probe, NULL);
    caller->probe.job.run = caller_run;
    caller->body = body;
    caller->timeout_us = timeout_us;
    caller->status = NOT_YET;
}

/** fn of most calls. */
static void note(void *argument) {
    struct caller *caller = argument;
    const char *request_id = tt_context_values(tt_context_current())->request_id;
    caller->ran_count++;
    caller->ran_thread = pthread_self();
    (void)snprintf(caller->ran_request, sizeof caller->ran_request, "%s", request_id != NULL ? request_id : "");
}

static void call_once(struct caller *caller) {
    atomic_store(&caller->status, (int)tt_job_call(&caller->probe.job, note, caller, caller->timeout_us));
    atomic_fetch_add(&caller->call_count, 1);
}

static void call_many(struct caller *caller) {
    while (caller->call_count < caller->wanted_count) {
        call_once(caller);
        if (caller->status != TT_OK)
            break;
    }
}

static uint32_t request_count(struct tt_pool *pool) {
    tti_lock_enter(&pool->lock);
    uint32_t count = pool->request_count;
    tti_lock_leave(&pool->lock);
    return count;
}

/** Submits, and returns when its call stands in the list. The loop has not dispatched since. */
static void caller_start(struct tt_wake *wake, struct tt_pool *pool, struct caller *caller) {
    uint32_t before = request_count(pool);
    probe_submit(pool, &caller->probe);
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(request_count(pool) == before + 1);
}

START_TEST(function_runs_on_the_loop_in_the_context_of_the_job) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.request_id = "r"}, NULL);
    struct caller caller;
    caller_init(&caller, call_once, UINT64_MAX);
    caller.probe.job.context = context;
    probe_submit(pool, &caller.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(caller.status, TT_OK);
    ck_assert_uint_eq(caller.ran_count, 1);
    ck_assert(pthread_equal(caller.ran_thread, pthread_self()));
    ck_assert_str_eq(caller.ran_request, "r");
    ck_assert_ptr_null(tt_context_current());
    probe_assert_ended(&caller.probe, TT_DONE);
    tt_context_release(context);
    probe_end(wake, pool);
}
END_TEST

START_TEST(sleeping_loop_is_woken_for_a_call) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct caller caller;
    struct pollfd watched = {.fd = tt_wake_fd(wake), .events = POLLIN};
    gate_init(&gate);
    caller_init(&caller, call_once, UINT64_MAX);
    caller.probe.gate = &gate;
    probe_submit(pool, &caller.probe);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    gate_open(&gate, 1);
    ck_assert_int_eq(poll(&watched, 1, GATE_PATIENCE_S * 1000), 1);
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(caller.ran_count, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(calls_of_many_workers_all_run_once) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 10, 0);
    struct caller callers[4];
    for (unsigned i = 0; i < 4; i++) {
        caller_init(&callers[i], call_many, i % 2 == 0 ? UINT64_MAX : PROBE_PATIENCE_US);
        callers[i].wanted_count = 3000;
        probe_submit(pool, &callers[i].probe);
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(callers[i].status, TT_OK);
        ck_assert_uint_eq(callers[i].ran_count, 3000);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(call_that_times_out_never_runs) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 3, 10, 0);
    struct caller callers[3];
    struct gate gate;
    gate_init(&gate);
    for (unsigned i = 0; i < 3; i++) { /* the first, the last and the one between are taken out of the list */
        caller_init(&callers[i], call_once, i == 1 ? 2000 : 30000);
        callers[i].after = &gate;
        probe_submit(pool, &callers[i].probe);
    }
    tt_wake_flush(wake);
    gate_await(&gate, 3); /* the loop has not dispatched */
    ck_assert_uint_eq(request_count(pool), 0);
    (void)tt_wake_dispatch(wake, 100);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(callers[i].status, TT_TIMED_OUT);
        ck_assert_uint_eq(callers[i].ran_count, 0);
    }
    gate_open(&gate, 3);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(call_without_time_never_runs) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct caller caller;
    caller_init(&caller, call_once, 0);
    probe_submit(pool, &caller.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(caller.status, TT_TIMED_OUT);
    ck_assert_uint_eq(caller.ran_count, 0);
    ck_assert_str_eq(tt_status_name(TT_TIMED_OUT), "timed-out");
    probe_end(wake, pool);
}
END_TEST

static uint64_t outlast_us;

static void note_late(void *argument) {
    while (tti_clock_now_us() < outlast_us) {
        /* longer than the caller's time-out */
    }
    ck_assert_int_eq(((struct caller *)argument)->status, NOT_YET);
    note(argument);
}

static void call_late(struct caller *caller) {
    outlast_us = tti_clock_now_us() + caller->timeout_us + 20000;
    atomic_store(&caller->status, (int)tt_job_call(&caller->probe.job, note_late, caller, caller->timeout_us));
}

START_TEST(call_that_has_started_is_waited_for) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct caller caller;
    do { /* again when a busy machine didn't let the loop begin in time */
        caller_init(&caller, call_late, 200000);
        caller_start(wake, pool, &caller);
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        ck_assert_int_eq(caller.ran_count, caller.status == TT_OK);
    } while (caller.status == TT_TIMED_OUT);
    ck_assert_int_eq(caller.status, TT_OK);
    probe_end(wake, pool);
}
END_TEST

struct short_call {
    uint64_t magic; /* on the worker's stack: a call that runs too late finds something else */
    uint32_t ran_count;
};

#define MAGIC 0x5ca1ab1e0ddba11u

static _Atomic uint32_t wrong_count;

static void run_short(void *argument) {
    struct short_call *call = argument;
    if (call->magic != MAGIC)
        atomic_fetch_add(&wrong_count, 1);
    call->ran_count++;
}

static _Atomic uint32_t timed_out_count;
static _Atomic uint32_t served_count;

static void call_in_a_hurry(struct caller *caller) {
    for (uint32_t i = 0; i < 4000; i++) {
        struct short_call call = {.magic = MAGIC};
        uint64_t timeout_us = i % 64 == 63 ? 20000 : 1 + i % 60; /* a busy machine serves none of the short ones */
        enum tt_status status = tt_job_call(&caller->probe.job, run_short, &call, timeout_us);
        if (call.ran_count != (status == TT_OK ? 1 : 0) || (status != TT_OK && status != TT_TIMED_OUT))
            atomic_fetch_add(&wrong_count, 1);
        call.magic = 0;
        atomic_fetch_add(status == TT_OK ? &served_count : &timed_out_count, 1);
    }
}

START_TEST(start_and_time_out_exclude_each_other) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 3, 10, 0);
    struct caller callers[3];
    for (unsigned i = 0; i < 3; i++) {
        caller_init(&callers[i], call_in_a_hurry, 0);
        probe_submit(pool, &callers[i].probe);
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(wrong_count, 0);
    ck_assert_uint_eq(served_count + timed_out_count, 12000);
    ck_assert_uint_gt(served_count, 0);
    ck_assert_uint_gt(timed_out_count, 0);
    probe_end(wake, pool);
}
END_TEST

static void *call_from_nowhere(void *argument) {
    call_once(argument);
    return NULL;
}

static struct caller *other_caller;

static void call_for_another(struct caller *caller) {
    atomic_store(&caller->status, (int)tt_job_call(&other_caller->probe.job, note, other_caller, UINT64_MAX));
}

START_TEST(call_is_refused_on_every_thread_but_the_worker_of_the_job) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 0);
    struct gate gate;
    struct caller target;
    struct caller stranger;
    pthread_t thread;
    gate_init(&gate);
    caller_init(&target, call_once, UINT64_MAX);
    target.probe.gate = &gate; /* it waits before its own call */
    probe_submit(pool, &target.probe);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_call(&target.probe.job, note, &target, UINT64_MAX), TT_WRONG_THREAD); /* the loop */
    ck_assert_int_eq(pthread_create(&thread, NULL, call_from_nowhere, &target), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(target.status, TT_WRONG_THREAD);
    other_caller = &target;
    caller_init(&stranger, call_for_another, 0);
    probe_submit(pool, &stranger.probe);
    PROBE_TURN_UNTIL(wake, stranger.probe.done_count == 1);
    ck_assert_int_eq(stranger.status, TT_WRONG_THREAD);
    ck_assert_uint_eq(target.ran_count, 0);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(target.status, TT_OK);
    ck_assert_str_eq(tt_status_name(TT_WRONG_THREAD), "wrong-thread");
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(inline_job_would_wait_for_itself) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 0, 10, 0);
    struct caller caller;
    caller_init(&caller, call_once, UINT64_MAX);
    probe_submit(pool, &caller.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(caller.status, TT_WRONG_THREAD);
    ck_assert_uint_eq(caller.ran_count, 0);
    probe_end(wake, pool);
}
END_TEST

static void call_twice(struct caller *caller) {
    call_once(caller);
    call_once(caller);
}

/** Interrupted, abandoned: what waits is taken back, what comes later is refused. */
static void check_end_by_asking(enum tt_status (*ask)(struct tt_job *job), enum tt_outcome outcome) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct caller caller;
    gate_init(&gate);
    caller_init(&caller, call_twice, UINT64_MAX);
    caller.after = &gate;
    caller.probe.says = TT_CANCELLED;
    caller_start(wake, pool, &caller);
    ck_assert_int_eq(ask(&caller.probe.job), TT_OK);
    gate_await(&gate, 1); /* both calls have ended; the loop has not dispatched */
    ck_assert_uint_eq(caller.call_count, 2);
    ck_assert_int_eq(caller.status, TT_CLOSED);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(caller.ran_count, 0);
    probe_assert_ended(&caller.probe, outcome);
    probe_end(wake, pool);
    gate_deinit(&gate);
}

START_TEST(interrupted_job_gets_its_call_back) {
    check_end_by_asking(tt_job_interrupt, TT_CANCELLED);
}
END_TEST

START_TEST(abandoned_job_gets_its_call_back) {
    check_end_by_asking(tt_job_abandon, TT_ABANDONED);
}
END_TEST

static void call_until_closed(struct caller *caller) {
    do
        call_once(caller);
    while (caller->status == TT_OK);
    caller->timeout_us = 0;
    call_once(caller);
}

START_TEST(run_time_out_ends_the_calls) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct caller caller;
    caller_init(&caller, call_until_closed, UINT64_MAX);
    caller.probe.job.run_timeout_us = 20000;
    probe_submit(pool, &caller.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(caller.status, TT_CLOSED);
    probe_assert_ended(&caller.probe, TT_EXPIRED_RUN);
    probe_end(wake, pool);
}
END_TEST

static sem_t left_released;

static void release_left(struct tt_job *job) {
    probe_release(job);
    (void)sem_post(&left_released);
}

START_TEST(end_of_the_pool_gives_all_waiting_calls_back) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 10, 0);
    unsigned thread_count = probe_thread_count() - 4; /* a sanitizer may have one of its own */
    struct caller callers[4];
    ck_assert_int_eq(sem_init(&left_released, 0, 0), 0);
    for (unsigned i = 0; i < 4; i++) {
        caller_init(&callers[i], call_twice, UINT64_MAX);
        callers[i].probe.job.release = release_left;
        caller_start(wake, pool, &callers[i]);
    }
    tt_pool_destroy(pool);
    ck_assert_ptr_null(wake->posts);
    for (unsigned i = 0; i < 4; i++)
        gate_wait(&left_released, "the release of a job that waited in a call");
    PROBE_YIELD_UNTIL(probe_thread_count() <= thread_count);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(callers[i].status, TT_CLOSED);
        ck_assert_uint_eq(callers[i].ran_count, 0);
        ck_assert_int_eq(callers[i].probe.outcome, TT_ABANDONED);
    }
    tt_wake_destroy(wake);
}
END_TEST

/** The wake is kept alive here only to see that nobody has touched it. */
START_TEST(job_that_outlives_its_pool_is_refused_without_its_wake) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    unsigned thread_count = probe_thread_count() - 1; /* a sanitizer may have one of its own */
    struct gate gate;
    struct caller caller;
    gate_init(&gate);
    ck_assert_int_eq(sem_init(&left_released, 0, 0), 0);
    caller_init(&caller, call_once, UINT64_MAX);
    caller.probe.gate = &gate;
    caller.probe.job.release = release_left;
    probe_submit(pool, &caller.probe);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    tt_pool_destroy(pool);
    gate_open(&gate, 1);
    gate_wait(&left_released, "the release of a job that was left behind");
    PROBE_YIELD_UNTIL(probe_thread_count() <= thread_count);
    ck_assert_int_eq(caller.status, TT_CLOSED);
    ck_assert_ptr_null(wake->posts);
    tt_wake_destroy(wake);
    gate_deinit(&gate);
}
END_TEST

struct post_of_test {
    struct tt_post post;
    struct tt_pool *pool;
    struct caller *caller;
    struct gate *gate;
};

/** The caller's request comes while the loop is behind its posts, and so does its end. */
static void abandon_in_a_post(struct tt_post *post) {
    const struct post_of_test *test = (const struct post_of_test *)post;
    gate_open(test->gate, 1);
    PROBE_YIELD_UNTIL(request_count(test->pool) == 1);
    ck_assert_int_eq(tt_job_abandon(&test->caller->probe.job), TT_OK);
}

/** The wake would otherwise call into the memory of a pool that is no more. */
START_TEST(pool_ends_only_when_no_request_of_it_is_left_in_the_wake) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    unsigned thread_count = probe_thread_count() - 1; /* a sanitizer may have one of its own */
    struct gate before;
    struct gate after;
    struct caller caller;
    gate_init(&before);
    gate_init(&after);
    ck_assert_int_eq(sem_init(&left_released, 0, 0), 0);
    caller_init(&caller, call_once, UINT64_MAX);
    caller.probe.gate = &before;
    caller.after = &after;
    caller.probe.job.release = release_left;
    struct post_of_test test = {.post = {.fn = abandon_in_a_post}, .pool = pool, .caller = &caller, .gate = &before};
    probe_submit(pool, &caller.probe);
    tt_wake_flush(wake);
    gate_await(&before, 1);
    tt_wake_post(wake, &test.post);
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_int_eq(caller.probe.outcome, TT_ABANDONED); /* done has been called: the pool's end has nothing to tell */
    ck_assert_ptr_nonnull(wake->posts);                   /* and this is what it must wait for */
    gate_await(&after, 1);
    tt_pool_destroy(pool);
    ck_assert_ptr_null(wake->posts);
    gate_open(&after, 1);
    gate_wait(&left_released, "the release of a job that was left behind");
    PROBE_YIELD_UNTIL(probe_thread_count() <= thread_count);
    (void)tt_wake_dispatch(wake, 100);
    tt_wake_destroy(wake);
    gate_deinit(&before);
    gate_deinit(&after);
}
END_TEST

START_TEST(draining_pool_serves_calls) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct caller caller;
    caller_init(&caller, call_many, UINT64_MAX);
    caller.wanted_count = 20;
    caller_start(wake, pool, &caller);
    ck_assert_uint_eq(tt_pool_drain(pool, PROBE_PATIENCE_US, NULL, 0), 0);
    ck_assert_uint_eq(caller.ran_count, 20);
    probe_end(wake, pool);
}
END_TEST

static void note_and_interrupt(void *argument) {
    struct caller *caller = argument;
    ck_assert_int_eq(tt_job_interrupt(&caller->probe.job), TT_OK);
    note(argument);
}

static void call_own_end(struct caller *caller) {
    atomic_store(&caller->status, (int)tt_job_call(&caller->probe.job, note_and_interrupt, caller, UINT64_MAX));
}

START_TEST(function_may_interrupt_the_job_that_waits_for_it) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct caller caller;
    caller_init(&caller, call_own_end, 0);
    caller.probe.says = TT_CANCELLED;
    probe_submit(pool, &caller.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(caller.status, TT_OK); /* it had started */
    ck_assert_uint_eq(caller.ran_count, 1);
    probe_assert_ended(&caller.probe, TT_CANCELLED);
    probe_end(wake, pool);
}
END_TEST

static struct tt_pool *turn_pool;

static void note_with_company(void *argument) {
    struct caller *caller = argument;
    if (caller->ran_count == 0)
        PROBE_YIELD_UNTIL(request_count(turn_pool) == 1);
    note(caller);
}

static void call_with_company(struct caller *caller) {
    atomic_store(&caller->status, (int)tt_job_call(&caller->probe.job, note_with_company, caller, UINT64_MAX));
}

START_TEST(call_that_comes_meanwhile_waits_for_the_next_dispatch) {
    struct tt_wake *wake = probe_wake();
    struct gate gate;
    struct caller first;
    struct caller second;
    turn_pool = probe_pool(wake, 2, 10, 0);
    gate_init(&gate);
    caller_init(&first, call_with_company, 0);
    caller_init(&second, call_once, UINT64_MAX);
    second.probe.gate = &gate;
    probe_submit(turn_pool, &second.probe);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    caller_start(wake, turn_pool, &first);
    gate_open(&gate, 1);
    (void)tt_wake_dispatch(wake, 100);
    if (second.ran_count == 1) /* it came before the dispatch began */
        ck_assert_int_eq(first.ran_count, 1);
    else
        ck_assert_int_eq(tt_wake_prepare(wake), 0); /* the loop must not sleep on it */
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(turn_pool));
    ck_assert_uint_eq(second.ran_count, 1);
    probe_end(wake, turn_pool);
    gate_deinit(&gate);
}
END_TEST

static void submit_from_call(void *argument) {
    struct caller *caller = argument;
    probe_submit(turn_pool, &other_caller->probe);
    note(caller);
}

static void call_submit(struct caller *caller) {
    atomic_store(&caller->status, (int)tt_job_call(&caller->probe.job, submit_from_call, caller, UINT64_MAX));
}

START_TEST(function_may_submit) {
    struct tt_wake *wake = probe_wake();
    struct caller outer;
    struct caller inner;
    turn_pool = probe_pool(wake, 1, 10, 0);
    other_caller = &inner;
    caller_init(&outer, call_submit, 0);
    caller_init(&inner, call_once, UINT64_MAX);
    probe_submit(turn_pool, &outer.probe);
    PROBE_TURN_UNTIL(wake, inner.probe.done_count == 1);
    ck_assert_int_eq(outer.status, TT_OK);
    ck_assert_int_eq(inner.status, TT_OK);
    probe_end(wake, turn_pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("call");
    TCase *tests = tcase_create("call");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, function_runs_on_the_loop_in_the_context_of_the_job);
    tcase_add_test(tests, sleeping_loop_is_woken_for_a_call);
    tcase_add_test(tests, calls_of_many_workers_all_run_once);
    tcase_add_test(tests, call_that_times_out_never_runs);
    tcase_add_test(tests, call_without_time_never_runs);
    tcase_add_test(tests, call_that_has_started_is_waited_for);
    tcase_add_test(tests, start_and_time_out_exclude_each_other);
    tcase_add_test(tests, call_is_refused_on_every_thread_but_the_worker_of_the_job);
    tcase_add_test(tests, inline_job_would_wait_for_itself);
    tcase_add_test(tests, interrupted_job_gets_its_call_back);
    tcase_add_test(tests, abandoned_job_gets_its_call_back);
    tcase_add_test(tests, run_time_out_ends_the_calls);
    tcase_add_test(tests, end_of_the_pool_gives_all_waiting_calls_back);
    tcase_add_test(tests, job_that_outlives_its_pool_is_refused_without_its_wake);
    tcase_add_test(tests, pool_ends_only_when_no_request_of_it_is_left_in_the_wake);
    tcase_add_test(tests, draining_pool_serves_calls);
    tcase_add_test(tests, function_may_interrupt_the_job_that_waits_for_it);
    tcase_add_test(tests, call_that_comes_meanwhile_waits_for_the_next_dispatch);
    tcase_add_test(tests, function_may_submit);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
