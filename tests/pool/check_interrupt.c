/* Interrupt: a running function is asked to end, by its hook and by tt_job_is_cancelled. */
#include "probe.h"

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>

/**
 * A probe that runs until it is asked to end, and counts how often its hook was called. With a hook it waits for that: the
 * flag is seen before, and a function that ends at once spares the hook.
 */
struct asked {
    struct probe probe;
    _Atomic uint32_t is_open; /* 1: run ends without having been asked */
    _Atomic uint32_t hook_count;
    pthread_t hook_thread;
    bool saw_cancelled; /* tt_job_is_cancelled in the hook */
};

#define ASKED_OF(job_) ((struct asked *)((char *)(job_)-offsetof(struct asked, probe.job)))

static bool is_asked(struct asked *asked) {
    const struct tt_job *job = &asked->probe.job;
    return tt_job_is_cancelled(job) && (job->interrupt == NULL || atomic_load(&asked->hook_count) != 0);
}

static enum tt_outcome asked_run(struct tt_job *job, void *worker_state) {
    struct asked *asked = ASKED_OF(job);
    enum tt_outcome outcome = probe_run(job, worker_state);
    while (!is_asked(asked) && atomic_load(&asked->is_open) == 0)
        (void)sched_yield();
    return outcome;
}

static void asked_hook(struct tt_job *job) {
    struct asked *asked = ASKED_OF(job);
    asked->hook_thread = pthread_self();
    asked->saw_cancelled = tt_job_is_cancelled(job) != 0;
    atomic_fetch_add(&asked->hook_count, 1);
}

static void asked_init(struct asked *asked, enum tt_outcome says) {
    memset(asked, 0, sizeof *asked);
    probe_init(&asked->probe, NULL);
    asked->probe.says = says;
    asked->probe.job.run = asked_run;
    asked->probe.job.interrupt = asked_hook;
}

/** Submits, and returns when it runs. */
static void asked_start(struct tt_wake *wake, struct tt_pool *pool, struct asked *asked, enum tt_outcome says) {
    asked_init(asked, says);
    probe_submit(pool, &asked->probe);
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(atomic_load(&asked->probe.run_count) == 1);
}

START_TEST(hook_is_called_once_and_on_the_loop) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct asked asked;
    asked_start(wake, pool, &asked, TT_CANCELLED);
    ck_assert_int_eq(tt_job_interrupt(&asked.probe.job), TT_OK);
    ck_assert_uint_eq(asked.hook_count, 1); /* at once */
    ck_assert(pthread_equal(asked.hook_thread, pthread_self()));
    ck_assert(asked.saw_cancelled);
    /* It may have returned by now, or not. */
    enum tt_status status = tt_job_interrupt(&asked.probe.job);
    ck_assert(status == TT_OK || status == TT_TOO_LATE);
    status = tt_job_abandon(&asked.probe.job);
    ck_assert(status == TT_OK || status == TT_TOO_LATE);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(asked.hook_count, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(function_that_ends_because_it_was_asked_is_cancelled) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct asked asked;
    asked_start(wake, pool, &asked, TT_CANCELLED);
    ck_assert_int_eq(tt_job_interrupt(&asked.probe.job), TT_OK);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&asked.probe, TT_CANCELLED);
    ck_assert_uint_eq(probe_snapshot(pool).cancelled, 1);
    probe_end(wake, pool);
}
END_TEST

START_TEST(function_that_was_asked_may_still_succeed_or_fail) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    static const enum tt_outcome outcomes[] = {TT_DONE, TT_FAILED, TT_CRASHED};
    for (unsigned i = 0; i < COUNT_OF(outcomes); i++) {
        struct asked asked;
        asked_start(wake, pool, &asked, outcomes[i]);
        ck_assert_int_eq(tt_job_interrupt(&asked.probe.job), TT_OK);
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        probe_assert_ended(&asked.probe, outcomes[i]);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(function_that_says_cancelled_unasked_has_failed) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct asked asked;
    asked_init(&asked, TT_CANCELLED);
    asked.is_open = 1;
    probe_submit(pool, &asked.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&asked.probe, TT_FAILED);
    ck_assert_uint_eq(asked.hook_count, 0);
    probe_end(wake, pool);
}
END_TEST

START_TEST(job_is_not_cancelled_again_when_it_is_submitted_again) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct asked asked;
    asked_start(wake, pool, &asked, TT_CANCELLED);
    ck_assert_int_eq(tt_job_interrupt(&asked.probe.job), TT_OK);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    asked.probe.done_count = 0;
    asked.is_open = 1;
    asked.probe.says = TT_DONE;
    probe_submit(pool, &asked.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(asked.probe.outcome, TT_DONE);
    ck_assert_int_eq(tt_job_is_cancelled(&asked.probe.job), 0);
    probe_end(wake, pool);
}
END_TEST

START_TEST(waiting_job_is_taken_back_and_its_hook_not_called) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct asked first;
    struct asked waiting;
    asked_start(wake, pool, &first, TT_DONE);
    asked_init(&waiting, TT_DONE);
    probe_submit(pool, &waiting.probe);
    ck_assert_int_eq(tt_job_interrupt(&waiting.probe.job), TT_OK);
    ck_assert_int_eq(tt_job_interrupt(&waiting.probe.job), TT_TOO_LATE);
    (void)tt_wake_dispatch(wake, 100);
    probe_assert_ended(&waiting.probe, TT_CANCELLED);
    ck_assert_uint_eq(waiting.probe.run_count + waiting.hook_count, 0);
    ck_assert_int_eq(tt_job_interrupt(&waiting.probe.job), TT_INVALID);
    first.is_open = 1;
    probe_end(wake, pool);
}
END_TEST

START_TEST(job_that_is_in_no_pool_cannot_be_interrupted) {
    struct asked asked;
    asked_init(&asked, TT_DONE);
    ck_assert_int_eq(tt_job_interrupt(&asked.probe.job), TT_INVALID);
    ck_assert_uint_eq(asked.hook_count, 0);
}
END_TEST

START_TEST(job_without_a_hook_is_asked_all_the_same) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct asked asked;
    asked_init(&asked, TT_CANCELLED);
    asked.probe.job.interrupt = NULL;
    probe_submit(pool, &asked.probe);
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(atomic_load(&asked.probe.run_count) == 1);
    ck_assert_int_eq(tt_job_interrupt(&asked.probe.job), TT_OK);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&asked.probe, TT_CANCELLED);
    probe_end(wake, pool);
}
END_TEST

START_TEST(run_timeout_and_deadline_call_the_hook) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct asked asked;
        asked_init(&asked, TT_CANCELLED);
        asked.probe.job.run_timeout_us = i == 0 ? 20000 : 0;
        asked.probe.job.deadline_us = i == 0 ? 0 : tti_clock_now_us() + 500000;
        probe_submit(pool, &asked.probe);
        PROBE_TURN_UNTIL(wake, asked.probe.release_count == 1);
        if (asked.probe.run_count == 1) { /* a busy machine may not have started it in time */
            probe_assert_ended(&asked.probe, TT_EXPIRED_RUN);
            ck_assert_uint_eq(asked.hook_count, 1);
        }
        ck_assert_int_eq(asked.hook_count, asked.probe.run_count);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(abandoned_job_is_asked_once) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct asked asked;
    gate_init(&gate);
    asked_init(&asked, TT_CANCELLED);
    asked.probe.gate = &gate;
    probe_submit(pool, &asked.probe);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_abandon(&asked.probe.job), TT_OK);
    ck_assert_uint_eq(asked.hook_count, 1);
    ck_assert_int_eq(tt_job_interrupt(&asked.probe.job), TT_TOO_LATE);
    ck_assert_uint_eq(asked.hook_count, 1);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&asked.probe, TT_ABANDONED);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(interrupted_job_that_stays_is_given_up_without_a_second_call) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct asked asked;
    gate_init(&gate);
    asked_init(&asked, TT_CANCELLED);
    asked.probe.gate = &gate;
    asked.probe.job.run_timeout_us = 50000;
    probe_submit(pool, &asked.probe);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_interrupt(&asked.probe.job), TT_OK);
    PROBE_TURN_UNTIL(wake, asked.probe.done_count == 1);
    ck_assert_int_eq(asked.probe.outcome, TT_EXPIRED_RUN);
    ck_assert_uint_eq(asked.hook_count, 1);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static sem_t last_released;

static void release_last(struct tt_job *job) {
    probe_release(job);
    (void)sem_post(&last_released);
}

START_TEST(end_of_the_pool_calls_the_hook) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    unsigned thread_count = probe_thread_count() - 1; /* a sanitizer may have one of its own */
    struct asked asked;
    ck_assert_int_eq(sem_init(&last_released, 0, 0), 0);
    asked_init(&asked, TT_CANCELLED);
    asked.probe.job.release = release_last;
    probe_submit(pool, &asked.probe);
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(atomic_load(&asked.probe.run_count) == 1);
    tt_pool_destroy(pool);
    ck_assert_uint_eq(asked.hook_count, 1);
    ck_assert_int_eq(asked.probe.outcome, TT_ABANDONED);
    gate_wait(&last_released, "the release of a job that was left behind");
    PROBE_YIELD_UNTIL(probe_thread_count() <= thread_count);
    tt_wake_destroy(wake);
}
END_TEST

static enum tt_outcome interrupt_itself(struct tt_job *job, void *worker_state) {
    (void)probe_run(job, worker_state);
    ck_assert_int_eq(tt_job_interrupt(job), TT_OK); /* inline: this is the loop */
    return tt_job_is_cancelled(job) ? TT_CANCELLED : TT_FAILED;
}

START_TEST(inline_job_may_interrupt_itself) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 0, 10, 0);
    struct asked asked;
    asked_init(&asked, TT_CANCELLED);
    asked.probe.job.run = interrupt_itself;
    probe_submit(pool, &asked.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&asked.probe, TT_CANCELLED);
    ck_assert_uint_eq(asked.hook_count, 1);
    probe_end(wake, pool);
}
END_TEST

/* -- a connection a worker, used by one job after the other -- */

struct connection {
    _Atomic(struct tt_job *) owner;
    _Atomic(struct tt_job *) hooked; /* the job whose hook is acting on it */
};

struct query {
    struct probe probe;
    _Atomic(struct connection *) connection;
};

#define QUERY_OF(job_) ((struct query *)((char *)(job_)-offsetof(struct query, probe.job)))

static _Atomic uint32_t mistakes;
static _Atomic uint32_t hits;

static enum tt_status open_connection(void *context, void **ret_state, struct tt_error *reterr) {
    (void)context;
    (void)reterr;
    *ret_state = calloc(1, sizeof(struct connection));
    return *ret_state != NULL ? TT_OK : TT_NOMEM;
}

static void close_connection(void *context, void *state) {
    (void)context;
    const struct connection *connection = state;
    if (atomic_load(&connection->hooked) != NULL)
        atomic_fetch_add(&mistakes, 1);
    free(state);
}

static enum tt_outcome query_run(struct tt_job *job, void *worker_state) {
    struct query *query = QUERY_OF(job);
    struct connection *connection = worker_state;
    const struct tt_job *hooked = atomic_load(&connection->hooked);
    if (hooked != NULL && hooked != job)
        atomic_fetch_add(&mistakes, 1); /* the hook of the job before is still acting */
    atomic_store(&connection->owner, job);
    atomic_store(&query->connection, connection);
    (void)probe_run(job, NULL);
    for (unsigned i = 0; i < 5 && !tt_job_is_cancelled(job); i++)
        (void)sched_yield();
    atomic_store(&connection->owner, NULL);
    return tt_job_is_cancelled(job) ? TT_CANCELLED : TT_DONE;
}

static void query_hook(struct tt_job *job) {
    struct connection *connection = atomic_load(&QUERY_OF(job)->connection);
    if (connection == NULL)
        return; /* it has not got that far: it will see tt_job_is_cancelled */
    atomic_store(&connection->hooked, job);
    for (unsigned i = 0; i < 2000; i++) {
        const struct tt_job *owner = atomic_load(&connection->owner);
        if (owner != NULL && owner != job)
            atomic_fetch_add(&mistakes, 1);
        if (i % 1000 == 0)
            (void)sched_yield(); /* few: each may cost a whole slice where others compute */
    }
    atomic_fetch_add(&hits, 1);
    atomic_store(&connection->hooked, NULL);
}

/** Without the worker's guard this fails within a few hundred of the jobs. */
START_TEST(hook_never_reaches_the_next_job_of_its_worker) {
    enum { ROUNDS = 300, WIDTH = 4 };
    struct tt_wake *wake = probe_wake();
    struct tt_pool_options options = {.name = "test",
                                      .worker_count = 2,
                                      .queue_limit = 100,
                                      .spare_count = 2,
                                      .on_start = open_connection,
                                      .on_stop = close_connection};
    struct tt_pool *pool = probe_pool_with(wake, &options);
    static struct query queries[WIDTH];
    uint64_t began_us = tti_clock_now_us();
    /* On a busy machine a round may be over before a worker has come: until one was hit, or it has proved nothing. */
    for (unsigned round = 0; round < ROUNDS || atomic_load(&hits) == 0; round++) {
        if (round >= ROUNDS)
            probe_give_up_after(began_us, "a hook to be called");
        for (unsigned i = 0; i < WIDTH; i++) {
            memset(&queries[i], 0, sizeof queries[i]);
            probe_init(&queries[i].probe, NULL);
            queries[i].probe.job.run = query_run;
            queries[i].probe.job.interrupt = query_hook;
            probe_submit(pool, &queries[i].probe);
        }
        tt_wake_flush(wake);
        for (unsigned i = 0; i < WIDTH; i++) {
            for (unsigned turn = 0; turn < (round + i) % 3; turn++)
                (void)sched_yield();
            enum tt_status status =
                round % 5 == 4 ? tt_job_abandon(&queries[i].probe.job) : tt_job_interrupt(&queries[i].probe.job);
            ck_assert(status == TT_OK || status == TT_TOO_LATE);
        }
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    }
    probe_end(wake, pool);
    ck_assert_uint_eq(mistakes, 0);
}
END_TEST

/* -- a library that can be interrupted -- */

static sem_t query_works;

static enum tt_status open_database(void *context, void **ret_state, struct tt_error *reterr) {
    (void)context;
    sqlite3 *database = NULL;
    if (sqlite3_open(":memory:", &database) != SQLITE_OK)
        return tt_error_set(reterr, TT_SYSTEM, 0, "can't open a database");
    *ret_state = database;
    return TT_OK;
}

static void close_database(void *context, void *state) {
    (void)context;
    (void)sqlite3_close(state); /* nothing is open in it */
}

struct endless {
    struct probe probe;
    _Atomic(sqlite3 *) database;
    int result;
};

#define ENDLESS_OF(job_) ((struct endless *)((char *)(job_)-offsetof(struct endless, probe.job)))

static int on_progress(void *argument) {
    (void)argument;
    (void)sem_post(&query_works);
    return 0;
}

static enum tt_outcome endless_run(struct tt_job *job, void *worker_state) {
    struct endless *endless = ENDLESS_OF(job);
    (void)probe_run(job, worker_state);
    atomic_store(&endless->database, (sqlite3 *)worker_state);
    sqlite3_progress_handler(worker_state, 1000000, on_progress, NULL);
    endless->result = sqlite3_exec(
        worker_state, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c", NULL,
        NULL, NULL);
    sqlite3_progress_handler(worker_state, 0, NULL, NULL);
    return endless->result == SQLITE_INTERRUPT ? TT_CANCELLED : TT_FAILED;
}

static void endless_hook(struct tt_job *job) {
    sqlite3_interrupt(atomic_load(&ENDLESS_OF(job)->database));
}

static enum tt_outcome short_query(struct tt_job *job, void *worker_state) {
    (void)probe_run(job, worker_state);
    return sqlite3_exec(worker_state, "SELECT 1", NULL, NULL, NULL) == SQLITE_OK ? TT_DONE : TT_FAILED;
}

START_TEST(sqlite_query_without_end_is_ended_and_its_connection_serves_on) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool_options options = {
        .name = "db", .worker_count = 1, .queue_limit = 10, .on_start = open_database, .on_stop = close_database};
    struct tt_pool *pool = probe_pool_with(wake, &options);
    struct endless endless = {0};
    struct probe next;
    ck_assert_int_eq(sem_init(&query_works, 0, 0), 0);
    probe_init(&endless.probe, NULL);
    endless.probe.job.run = endless_run;
    endless.probe.job.interrupt = endless_hook;
    probe_submit(pool, &endless.probe);
    tt_wake_flush(wake);
    gate_wait(&query_works, "the query to be under way");
    probe_init(&next, NULL);
    next.job.run = short_query;
    probe_submit(pool, &next);
    ck_assert_int_eq(tt_job_interrupt(&endless.probe.job), TT_OK);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&endless.probe, TT_CANCELLED);
    ck_assert_int_eq(endless.result, SQLITE_INTERRUPT);
    probe_assert_ended(&next, TT_DONE);
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("interrupt");
    TCase *tests = tcase_create("interrupt");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, hook_is_called_once_and_on_the_loop);
    tcase_add_test(tests, function_that_ends_because_it_was_asked_is_cancelled);
    tcase_add_test(tests, function_that_was_asked_may_still_succeed_or_fail);
    tcase_add_test(tests, function_that_says_cancelled_unasked_has_failed);
    tcase_add_test(tests, job_is_not_cancelled_again_when_it_is_submitted_again);
    tcase_add_test(tests, waiting_job_is_taken_back_and_its_hook_not_called);
    tcase_add_test(tests, job_that_is_in_no_pool_cannot_be_interrupted);
    tcase_add_test(tests, job_without_a_hook_is_asked_all_the_same);
    tcase_add_test(tests, run_timeout_and_deadline_call_the_hook);
    tcase_add_test(tests, abandoned_job_is_asked_once);
    tcase_add_test(tests, interrupted_job_that_stays_is_given_up_without_a_second_call);
    tcase_add_test(tests, end_of_the_pool_calls_the_hook);
    tcase_add_test(tests, inline_job_may_interrupt_itself);
    tcase_add_test(tests, hook_never_reaches_the_next_job_of_its_worker);
    tcase_add_test(tests, sqlite_query_without_end_is_ended_and_its_connection_serves_on);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
