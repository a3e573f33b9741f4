/* Watch: who looks at a job beside its done function hears of its end once, in order, and may look away at any time. */
#include "probe.h"

#include <pthread.h>
#include <tothread/watch.h>

struct eye {
    struct tt_watch watch;
    unsigned done_order; /* the how-manieth call of all, of on_done; 0: not called */
    unsigned release_order;
    enum tt_outcome outcome;
    struct tt_job *job; /* as on_done saw it */
    struct eye *stops;  /* on_done and on_release stop it */
    struct eye *starts; /* on_done starts it on the same job */
};

static unsigned calls;

static void eye_done(struct tt_watch *watch) {
    struct eye *eye = (struct eye *)watch;
    ck_assert_uint_eq(eye->done_order, 0);
    eye->done_order = ++calls;
    eye->outcome = watch->outcome;
    eye->job = watch->job;
    if (eye->stops != NULL)
        tt_watch_stop(&eye->stops->watch);
    if (eye->starts != NULL)
        ck_assert_int_eq(tt_watch_start(&eye->starts->watch, watch->job), TT_OK);
}

static void eye_release(struct tt_watch *watch) {
    struct eye *eye = (struct eye *)watch;
    ck_assert_uint_eq(eye->release_order, 0);
    ck_assert_ptr_null(watch->job);
    eye->release_order = ++calls;
    if (eye->stops != NULL)
        tt_watch_stop(&eye->stops->watch);
}

static void eye_init(struct eye *eye) {
    memset(eye, 0, sizeof *eye);
    eye->watch.on_done = eye_done;
    eye->watch.on_release = eye_release;
}

static void eye_start(struct eye *eye, struct tt_job *job) {
    eye_init(eye);
    ck_assert_int_eq(tt_watch_start(&eye->watch, job), TT_OK);
}

static unsigned done_order;
static unsigned release_order;

static void ordered_done(struct tt_job *job) {
    probe_done(job);
    done_order = ++calls;
}

static void ordered_release(struct tt_job *job) {
    probe_release(job);
    release_order = ++calls;
}

/** The loop index says how many workers: 0 is the inline pool. */
static struct tt_pool *new_pool(struct tt_wake *wake, int worker_count) {
    calls = 0;
    return probe_pool(wake, (uint32_t)worker_count, 100, 2);
}

START_TEST(watches_are_told_after_done_and_after_release_in_the_order_of_their_starts) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = new_pool(wake, _i);
    struct probe probe;
    struct eye eyes[3];
    probe_init(&probe, NULL);
    probe.says = TT_FAILED;
    probe.job.done = ordered_done;
    probe.job.release = ordered_release;
    probe_submit(pool, &probe);
    for (unsigned i = 0; i < 3; i++)
        eye_start(&eyes[i], &probe.job);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(done_order, 1);
    ck_assert_uint_eq(release_order, 5);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(eyes[i].done_order, 2 + i);
        ck_assert_uint_eq(eyes[i].release_order, 6 + i);
        ck_assert_int_eq(eyes[i].outcome, TT_FAILED);
        ck_assert_ptr_eq(eyes[i].job, &probe.job);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(without_a_release_function_all_comes_after_done) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = new_pool(wake, _i);
    struct probe probe;
    struct eye eyes[2];
    probe_init(&probe, NULL);
    probe.job.done = ordered_done;
    probe.job.release = NULL;
    probe_submit(pool, &probe);
    eye_start(&eyes[0], &probe.job);
    eye_start(&eyes[1], &probe.job);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(done_order, 1);
    ck_assert_uint_eq(eyes[0].done_order, 2);
    ck_assert_uint_eq(eyes[1].done_order, 3);
    ck_assert_uint_eq(eyes[0].release_order, 4);
    ck_assert_uint_eq(eyes[1].release_order, 5);
    probe_end(wake, pool);
}
END_TEST

START_TEST(watch_without_functions_keeps_the_outcome) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = new_pool(wake, _i);
    struct probe probe;
    struct tt_watch watch = {0};
    probe_start(pool, &probe, NULL);
    ck_assert_int_eq(tt_watch_start(&watch, &probe.job), TT_OK);
    ck_assert_int_eq(watch.outcome, TT_NONE);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(watch.outcome, TT_DONE);
    ck_assert_ptr_null(watch.job);
    probe_end(wake, pool);
}
END_TEST

START_TEST(idle_job_and_busy_watch_are_refused) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = new_pool(wake, _i);
    struct probe probe;
    struct eye eye;
    eye_init(&eye);
    probe_init(&probe, NULL);
    ck_assert_int_eq(tt_watch_start(&eye.watch, &probe.job), TT_INVALID); /* never submitted */
    probe_submit(pool, &probe);
    ck_assert_int_eq(tt_watch_start(&eye.watch, &probe.job), TT_OK);
    ck_assert_int_eq(tt_watch_start(&eye.watch, &probe.job), TT_INVALID); /* watches already */
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(eye.done_order, 1);
    eye_init(&eye);
    ck_assert_int_eq(tt_watch_start(&eye.watch, &probe.job), TT_INVALID); /* released */
    probe_end(wake, pool);
}
END_TEST

START_TEST(stopped_watch_hears_nothing_and_the_job_goes_on) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = new_pool(wake, _i);
    struct probe probe;
    struct eye eyes[3];
    probe_start(pool, &probe, NULL);
    for (unsigned i = 0; i < 3; i++)
        eye_start(&eyes[i], &probe.job);
    tt_watch_stop(&eyes[1].watch);
    tt_watch_stop(&eyes[1].watch); /* fine twice */
    ck_assert_ptr_null(eyes[1].watch.job);
    memset(&eyes[1], 0xa5, sizeof eyes[1]); /* its memory is ours again */
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&probe, TT_DONE);
    ck_assert_uint_eq(eyes[0].done_order, 1);
    ck_assert_uint_eq(eyes[2].done_order, 2);
    ck_assert_uint_eq(eyes[2].release_order, 4);
    probe_end(wake, pool);
}
END_TEST

START_TEST(on_done_may_stop_itself_an_earlier_and_a_later_watch) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = new_pool(wake, _i);
    for (unsigned stopped = 0; stopped < 3; stopped++) {
        struct probe probe;
        struct eye eyes[3];
        calls = 0;
        probe_start(pool, &probe, NULL);
        for (unsigned i = 0; i < 3; i++)
            eye_start(&eyes[i], &probe.job);
        eyes[1].stops = &eyes[stopped];
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        for (unsigned i = 0; i < 3; i++) {
            ck_assert_int_eq(eyes[i].done_order != 0, i != stopped || stopped != 2);
            ck_assert_int_eq(eyes[i].release_order != 0, i != stopped);
        }
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(watch_that_starts_in_on_done_is_told_of_the_release_only) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = new_pool(wake, _i);
    struct probe probe;
    struct eye first;
    struct eye late;
    probe_start(pool, &probe, NULL);
    eye_start(&first, &probe.job);
    eye_init(&late);
    first.starts = &late;
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(late.done_order, 0);
    ck_assert_int_eq(late.watch.outcome, TT_DONE);
    ck_assert_uint_eq(late.release_order, 3);
    probe_end(wake, pool);
}
END_TEST

START_TEST(zombie_is_told_at_once_and_its_release_when_it_returns) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = new_pool(wake, 1);
    struct gate gate;
    struct probe probe;
    struct eye early;
    struct eye late;
    gate_init(&gate);
    probe_start(pool, &probe, &gate);
    eye_start(&early, &probe.job);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    ck_assert_int_eq(tt_job_abandon(&probe.job), TT_OK);
    (void)tt_wake_dispatch(wake, 10);
    ck_assert_int_eq(early.outcome, TT_ABANDONED);
    ck_assert_uint_eq(early.release_order, 0);
    eye_start(&late, &probe.job);
    ck_assert_int_eq(late.watch.outcome, TT_ABANDONED);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(early.release_order, 2);
    ck_assert_uint_eq(late.release_order, 3);
    ck_assert_uint_eq(late.done_order, 0);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static struct tt_pool *again_pool;
static unsigned again_left;

static void submit_again(struct tt_job *job) {
    if (again_left-- > 0)
        ck_assert_int_eq(tt_pool_submit(again_pool, job), TT_OK);
}

START_TEST(job_submitted_again_in_done_is_a_new_one_for_its_watches) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = new_pool(wake, _i);
    struct probe probe;
    struct eye eye;
    again_pool = pool;
    again_left = 1;
    probe_init(&probe, NULL);
    probe.job.done = submit_again;
    probe.job.release = NULL;
    probe_submit(pool, &probe);
    eye_start(&eye, &probe.job);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(probe.run_count, 2);
    ck_assert_uint_eq(eye.done_order, 1); /* eye_done asserts that it comes once */
    ck_assert_uint_eq(eye.release_order, 2);
    probe_end(wake, pool);
}
END_TEST

START_TEST(done_function_set_to_null_detaches_the_owner) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = new_pool(wake, 1);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    probe_start(pool, &probe, &gate);
    probe.job.release = NULL; /* probe_release wants a done first */
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    probe.job.done = NULL;
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(probe.done_count, 0);
    ck_assert_uint_eq(probe.run_count, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static void free_on_worker(struct tt_job *job) {
    struct probe *probe = PROBE_OF(job);
    struct gate *gate = probe->gate;
    free(probe);
    gate_pass(gate);
}

START_TEST(watch_of_a_job_that_outlives_its_pool_is_stopped_by_the_end_of_the_pool) {
    struct tt_wake *wake = probe_wake();
    tt_pool_destroy(new_pool(wake, 1)); /* whatever a first thread brings along is there now */
    unsigned thread_count = probe_thread_count();
    struct tt_pool *pool = new_pool(wake, 1);
    struct gate gate;
    struct probe *probe = malloc(sizeof *probe);
    struct eye eye;
    ck_assert_ptr_nonnull(probe);
    gate_init(&gate);
    probe_init(probe, &gate);
    probe->job.release = free_on_worker;
    probe_submit(pool, probe);
    eye_start(&eye, &probe->job);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    tt_pool_destroy(pool);
    ck_assert_int_eq(eye.outcome, TT_ABANDONED);
    ck_assert_uint_eq(eye.release_order, 0);
    ck_assert_ptr_null(eye.watch.job);
    gate_open(&gate, 1);
    gate_await(&gate, 1);      /* the job has been freed, on its worker */
    tt_watch_stop(&eye.watch); /* touches nothing of it */
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(probe_thread_count() <= thread_count);
    tt_wake_destroy(wake);
    gate_deinit(&gate);
}
END_TEST

static struct eye *later;

static void stops_the_later_one(struct tt_watch *watch) {
    eye_release(watch);
    tt_watch_stop(&later->watch);
}

static void frees_the_job(struct tt_job *job) {
    probe_release(job);
    free(PROBE_OF(job));
}

START_TEST(on_release_may_stop_a_later_watch_of_a_job_that_was_freed) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, (uint32_t)_i, 10, 0);
    struct eye eyes[2];
    struct probe *probe = malloc(sizeof *probe);
    ck_assert_ptr_nonnull(probe);
    later = &eyes[1];
    probe_init(probe, NULL);
    probe->job.release = frees_the_job;
    probe_submit(pool, probe);
    eye_start(&eyes[0], &probe->job);
    eye_start(&eyes[1], &probe->job);
    eyes[0].watch.on_release = stops_the_later_one;
    probe_end(wake, pool);
    ck_assert_uint_ne(eyes[0].release_order, 0);
    ck_assert_uint_ne(eyes[1].done_order, 0);
    ck_assert_uint_eq(eyes[1].release_order, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("watch");
    TCase *tests = tcase_create("watch");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, watches_are_told_after_done_and_after_release_in_the_order_of_their_starts, 0, 2);
    tcase_add_loop_test(tests, without_a_release_function_all_comes_after_done, 0, 2);
    tcase_add_loop_test(tests, watch_without_functions_keeps_the_outcome, 0, 2);
    tcase_add_loop_test(tests, idle_job_and_busy_watch_are_refused, 0, 2);
    tcase_add_loop_test(tests, stopped_watch_hears_nothing_and_the_job_goes_on, 0, 2);
    tcase_add_loop_test(tests, on_done_may_stop_itself_an_earlier_and_a_later_watch, 0, 2);
    tcase_add_loop_test(tests, watch_that_starts_in_on_done_is_told_of_the_release_only, 0, 2);
    tcase_add_test(tests, zombie_is_told_at_once_and_its_release_when_it_returns);
    tcase_add_loop_test(tests, job_submitted_again_in_done_is_a_new_one_for_its_watches, 0, 2);
    tcase_add_test(tests, done_function_set_to_null_detaches_the_owner);
    tcase_add_test(tests, watch_of_a_job_that_outlives_its_pool_is_stopped_by_the_end_of_the_pool);
    tcase_add_loop_test(tests, on_release_may_stop_a_later_watch_of_a_job_that_was_freed, 0, 2);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
