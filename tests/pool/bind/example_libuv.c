/* libuv: a name is looked up on a worker of our own pool, not of libuv's only one. */
#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <tothread/bind/libuv.h>
#include <tothread/pool.h>

struct lookup {
    struct tt_job job;
    struct tt_bind_libuv bind;
    struct addrinfo *found;
};

static enum tt_outcome run(struct tt_job *job, void *worker_state) { /* on a worker: may block */
    struct lookup *lookup = (struct lookup *)job;
    (void)worker_state;
    return getaddrinfo("localhost", "80", NULL, &lookup->found) == 0 ? TT_DONE : TT_FAILED;
}

static void done(struct tt_job *job) { /* in uv_run, as every callback */
    struct lookup *lookup = (struct lookup *)job;
    printf("localhost: %s\n", tt_outcome_name(job->outcome));
    tt_bind_libuv_close(&lookup->bind, NULL); /* nothing else keeps uv_run going */
}

int main(void) {
    struct tt_error error;
    struct tt_pool_options options = {.name = "dns", .worker_count = 2, .queue_limit = 100};
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool *pool = wake != NULL ? tt_pool_create(wake, &options, &error) : NULL;
    struct lookup lookup = {.job = {.run = run, .done = done}};
    if (pool == NULL || tt_bind_libuv_open(&lookup.bind, uv_default_loop(), wake) != TT_OK ||
        tt_pool_submit(pool, &lookup.job) != TT_OK)
        return 1;
    int left = uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert(left == 0 && lookup.job.outcome == TT_DONE && lookup.found != NULL);
    freeaddrinfo(lookup.found);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    return uv_loop_close(uv_default_loop()) == 0 ? 0 : 1;
}
