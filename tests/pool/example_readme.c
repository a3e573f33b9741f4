#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <tothread/pool.h>

struct lookup {
    struct tt_job job; /* inside your object: nothing is allocated */
    const char *host;
    int error;
};

static enum tt_outcome run(struct tt_job *job, void *worker_state) { /* on a worker: may block */
    struct lookup *lookup = (struct lookup *)job;
    struct addrinfo *found = NULL;
    (void)worker_state;
    lookup->error = getaddrinfo(lookup->host, NULL, NULL, &found);
    if (lookup->error == 0)
        freeaddrinfo(found);
    return lookup->error == 0 ? TT_DONE : TT_FAILED;
}

static void done(struct tt_job *job) { /* on the loop, exactly once */
    const struct lookup *lookup = (const struct lookup *)job;
    printf("%s: %s after %.1f ms\n", lookup->host, tt_outcome_name(job->outcome), (double)job->run_us / 1e3);
}

int main(void) {
    struct tt_error error;
    struct tt_pool_options options = {.name = "dns", .worker_count = 4, .queue_limit = 100};
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool *pool = wake != NULL ? tt_pool_create(wake, &options, &error) : NULL;
    struct lookup lookup = {.job = {.run = run, .done = done}, .host = "localhost"};
    if (pool == NULL || tt_pool_submit(pool, &lookup.job) != TT_OK) /* refused at once when the queue is full */
        return 1;
    while (!tt_pool_is_idle(pool)) { /* your event loop, whichever it is */
        struct pollfd watched = {.fd = tt_wake_fd(wake), .events = POLLIN};
        int64_t sleep_us = tt_wake_prepare(wake); /* hands the batch over, arms the pipe */
        (void)poll(&watched, 1, sleep_us < 0 ? -1 : (int)((sleep_us + 999) / 1000));
        (void)tt_wake_dispatch(wake, 64); /* calls done */
    }
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    return 0;
}
