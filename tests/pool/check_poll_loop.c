/* The whole library with poll(2) alone: no event library, and no call of tt_wake_prepare. */
#include <check.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <tothread/pool.h>

#define JOB_COUNT 1000u

/** What a user of the library would write: a job inside an object of one's own. */
struct square {
    struct tt_job job;
    uint64_t number;
    uint64_t result;
};

static unsigned done_count;
static uint64_t sum;

static enum tt_outcome square_run(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    struct square *square = (struct square *)job;
    square->result = square->number * square->number;
    return TT_DONE;
}

static void square_done(struct tt_job *job) {
    struct square *square = (struct square *)job;
    ck_assert_int_eq(job->outcome, TT_DONE);
    sum += square->result;
    done_count++;
    free(square);
}

START_TEST(thousand_jobs_with_poll_alone) {
    struct tt_error error = {0};
    struct tt_wake *wake = tt_wake_create(&error);
    ck_assert_msg(wake != NULL, "%s", error.text);
    struct tt_pool_options options = {.name = "squares", .worker_count = 4, .queue_limit = 20};
    struct tt_pool *pool = tt_pool_create(wake, &options, &error);
    ck_assert_msg(pool != NULL, "%s", error.text);
    struct pollfd watched = {.fd = tt_wake_fd(wake), .events = POLLIN};
    uint64_t next = 1;
    while (done_count < JOB_COUNT) {
        for (; next <= JOB_COUNT; next++) {
            struct square *square = calloc(1, sizeof *square);
            ck_assert_ptr_nonnull(square);
            square->job.run = square_run;
            square->job.done = square_done;
            square->number = next;
            enum tt_status status = tt_pool_submit(pool, &square->job);
            if (status != TT_OK) {
                ck_assert_int_eq(status, TT_FULL);
                free(square);
                break;
            }
        }
        tt_wake_flush(wake);
        ck_assert_int_eq(poll(&watched, 1, 30000), 1); /* never a time-out: each end wakes */
        (void)tt_wake_dispatch(wake, 64);
    }
    ck_assert_uint_eq(done_count, JOB_COUNT);
    ck_assert_uint_eq(sum, (uint64_t)JOB_COUNT * (JOB_COUNT + 1) * (2 * JOB_COUNT + 1) / 6);
    ck_assert(tt_pool_is_idle(pool));
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("poll_loop");
    TCase *tests = tcase_create("poll_loop");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, thousand_jobs_with_poll_alone);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
