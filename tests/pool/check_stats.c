/* Snapshots: right at rest, and safe from other threads while everything moves. */
#include "probe.h"

#include <pthread.h>

START_TEST(words_are_there_for_every_value_and_for_none) {
    ck_assert_str_eq(tt_status_name(TT_OK), "ok");
    ck_assert_str_eq(tt_status_name(TT_NOT_FOUND), "not-found");
    ck_assert_str_eq(tt_status_name((enum tt_status)99), "unknown");
    ck_assert_str_eq(tt_outcome_name(TT_EXPIRED_QUEUE), "expired-queue");
    ck_assert_str_eq(tt_outcome_name((enum tt_outcome)TT_OUTCOME_COUNT), "unknown");
    ck_assert_str_eq(tt_job_phase_name(TT_PHASE_ZOMBIE), "zombie");
    ck_assert_str_eq(tt_job_phase_name((enum tt_job_phase)3), "unknown");
    for (int i = 0; i < TT_OUTCOME_COUNT; i++)
        ck_assert_str_ne(tt_outcome_name((enum tt_outcome)i), "unknown");
}
END_TEST

START_TEST(long_texts_are_cut_and_terminated) {
    struct tt_error error;
    char text[600];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(tt_error_set(&error, TT_INVALID, 5, "%s", text), TT_INVALID);
    ck_assert_uint_eq(strlen(error.text), sizeof error.text - 1);
    ck_assert_int_eq(error.sys_errno, 5);
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe probes[2];
    struct tt_job_snapshot jobs[2];
    gate_init(&gate);
    for (unsigned i = 0; i < 2; i++) {
        probe_init(&probes[i], &gate);
        probes[i].job.name = text;
        probes[i].job.id = text;
        probe_submit(pool, &probes[i]);
    }
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_uint_eq(tt_pool_jobs(pool, jobs, 2), 2);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_uint_eq(strlen(jobs[i].name), sizeof jobs[i].name - 1);
        ck_assert_uint_eq(strlen(jobs[i].id), sizeof jobs[i].id - 1);
    }
    gate_open(&gate, 2);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(jobs_are_listed_running_first_and_oldest_first) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 1);
    struct gate gate;
    struct probe probes[4];
    struct tt_job_snapshot jobs[5];
    static const char *const ids[] = {"a", "b", "c", "d"};
    gate_init(&gate);
    ck_assert_uint_eq(tt_pool_jobs(pool, jobs, 5), 0);
    for (unsigned i = 0; i < 4; i++) {
        probe_init(&probes[i], &gate);
        probes[i].job.id = ids[i];
        probes[i].job.name = i == 0 ? NULL : "call";
        probe_submit(pool, &probes[i]);
    }
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_uint_eq(tt_pool_jobs(pool, NULL, 0), 0);
    ck_assert_uint_eq(tt_pool_jobs(pool, jobs, 2), 2); /* no more than there is room for */
    ck_assert_uint_eq(tt_pool_jobs(pool, jobs, 5), 4);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_str_eq(jobs[i].id, ids[i]);
        ck_assert_str_eq(jobs[i].name, i == 0 ? "" : "call");
        ck_assert_int_eq(jobs[i].phase, i == 0 ? TT_PHASE_RUNNING : TT_PHASE_QUEUED);
        ck_assert_str_eq(jobs[i].worker, i == 0 ? "test-1" : "");
        ck_assert_int_eq(jobs[i].thread_id != 0, i == 0);
    }
    gate_open(&gate, 4);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/** A loop that stands still must not make finished jobs look like queued ones. */
START_TEST(finished_jobs_are_neither_queued_nor_busy_while_the_loop_is_stuck) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 3, 10, 0);
    struct gate gate;
    struct probe probes[5];
    gate_init(&gate);
    for (unsigned i = 0; i < 5; i++)
        probe_start(pool, &probes[i], &gate);
    struct tt_pool_snapshot snapshot = probe_snapshot(pool);
    ck_assert_uint_eq(snapshot.queue_depth, 5); /* not handed over yet: they wait */
    tt_wake_flush(wake);
    gate_await(&gate, 3);
    snapshot = probe_snapshot(pool);
    ck_assert_uint_eq(snapshot.queue_depth, 2);
    ck_assert_uint_eq(snapshot.busy_count, 3);
    ck_assert_uint_eq(snapshot.idle_count, 0);
    gate_open(&gate, 5);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).idle_count == 3);
    PROBE_YIELD_UNTIL(probe_snapshot(pool).queue_depth == 0);
    ck_assert_uint_eq(probes[0].done_count, 0);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(snapshot_says_what_was_configured) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 3, 17, 2);
    struct tt_pool_snapshot snapshot = probe_snapshot(pool);
    ck_assert_str_eq(snapshot.name, "test");
    ck_assert_uint_eq(snapshot.worker_target, 3);
    ck_assert_uint_eq(snapshot.thread_count, 3);
    ck_assert_uint_eq(snapshot.spare_limit, 2);
    ck_assert_uint_eq(snapshot.queue_limit, 17);
    ck_assert_uint_eq(snapshot.queue_oldest_us, 0);
    ck_assert(!snapshot.is_closed);
    ck_assert_str_eq(snapshot.start_error, "");
    ck_assert_int_eq(tt_pool_set_limits(pool, 5, 1, 0), TT_OK);
    snapshot = probe_snapshot(pool);
    ck_assert_uint_eq(snapshot.queue_limit, 5);
    ck_assert_uint_eq(snapshot.spare_limit, 1);
    probe_end(wake, pool);
}
END_TEST

struct watcher {
    struct tt_pool *pool;
    _Atomic uint32_t is_over;
    _Atomic uint32_t looks;
    uint32_t wrong_count;
};

static void *watch(void *argument) {
    struct watcher *watcher = argument;
    struct tt_job_snapshot jobs[64];
    while (atomic_load(&watcher->is_over) == 0) {
        struct tt_pool_snapshot snapshot = probe_snapshot(watcher->pool);
        size_t count = tt_pool_jobs(watcher->pool, jobs, COUNT_OF(jobs));
        if (snapshot.busy_count + snapshot.idle_count + snapshot.zombie_count > 12 || count > COUNT_OF(jobs))
            watcher->wrong_count++;
        for (size_t i = 0; i < count; i++)
            if (strcmp(jobs[i].id, "the-id") != 0 || strcmp(jobs[i].name, "the-name") != 0)
                watcher->wrong_count++;
        atomic_fetch_add(&watcher->looks, 1);
    }
    return NULL;
}

/** The id lives in the job, which is freed by release: nobody may read it then. */
static void release_and_free(struct tt_job *job) {
    struct probe *probe = PROBE_OF(job);
    ck_assert_str_eq(job->id, "the-id");
    free((char *)(uintptr_t)job->id);
    free(probe);
}

static void nothing_to_do(struct tt_job *job) {
    (void)job;
}

START_TEST(snapshots_from_another_thread_see_no_freed_job) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 100, 8);
    struct watcher watcher = {.pool = pool};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, watch, &watcher), 0);
    for (unsigned i = 0; i < 20000 || atomic_load(&watcher.looks) < 50; i++) {
        struct probe *probe = malloc(sizeof *probe);
        char *id = strdup("the-id");
        ck_assert_ptr_nonnull(probe);
        ck_assert_ptr_nonnull(id);
        probe_init(probe, NULL);
        probe->job.done = nothing_to_do;
        probe->job.release = release_and_free;
        probe->job.id = id;
        probe->job.name = "the-name";
        while (tt_pool_submit(pool, &probe->job) == TT_FULL)
            probe_turn(wake);
        if (i % 5 == 0)
            ck_assert_int_ne(tt_job_abandon(&probe->job), TT_INVALID); /* mostly a cancel, or too late */
        if (i % 7 == 0)
            tt_wake_flush(wake);
        if (i % 11 == 0)
            (void)tt_wake_dispatch(wake, 100);
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    atomic_store(&watcher.is_over, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(watcher.wrong_count, 0);
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("stats");
    TCase *tests = tcase_create("stats");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, words_are_there_for_every_value_and_for_none);
    tcase_add_test(tests, long_texts_are_cut_and_terminated);
    tcase_add_test(tests, jobs_are_listed_running_first_and_oldest_first);
    tcase_add_test(tests, finished_jobs_are_neither_queued_nor_busy_while_the_loop_is_stuck);
    tcase_add_test(tests, snapshot_says_what_was_configured);
    tcase_add_test(tests, snapshots_from_another_thread_see_no_freed_job);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
