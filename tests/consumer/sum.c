/* A program of a stranger, in C: one job, a loop of poll(2), its result. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <tothread/pool.h>

struct sum {
    struct tt_job job;
    uint64_t up_to;
    uint64_t result;
};

static enum tt_outcome run(struct tt_job *job, void *worker_state) {
    struct sum *sum = (struct sum *)job;
    (void)worker_state;
    for (uint64_t i = 1; i <= sum->up_to; i++)
        sum->result += i * i;
    return TT_DONE;
}

static void done(struct tt_job *job) {
    const struct sum *sum = (const struct sum *)job;
    printf("C: %s, %" PRIu64 "\n", tt_outcome_name(job->outcome), sum->result);
}

int main(void) {
    struct tt_error error;
    struct tt_pool_options options = {.name = "sums", .worker_count = 2, .queue_limit = 10};
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool *pool = wake != NULL ? tt_pool_create(wake, &options, &error) : NULL;
    struct sum sum = {.job = {.run = run, .done = done}, .up_to = 100};
    if (pool == NULL || tt_pool_submit(pool, &sum.job) != TT_OK)
        return 1;
    while (!tt_pool_is_idle(pool)) {
        struct pollfd watched = {.fd = tt_wake_fd(wake), .events = POLLIN};
        int64_t sleep_us = tt_wake_prepare(wake);
        (void)poll(&watched, 1, sleep_us < 0 ? -1 : (int)((sleep_us + 999) / 1000));
        (void)tt_wake_dispatch(wake, 64);
    }
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    return 0;
}
