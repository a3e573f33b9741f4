/* libevent: a name is looked up on a worker while the base goes on. */
#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <tothread/bind/libevent.h>
#include <tothread/pool.h>

struct lookup {
    struct tt_job job;
    struct event_base *base;
    struct addrinfo *found;
};

static enum tt_outcome run(struct tt_job *job, void *worker_state) { /* on a worker: may block */
    struct lookup *lookup = (struct lookup *)job;
    (void)worker_state;
    return getaddrinfo("localhost", "80", NULL, &lookup->found) == 0 ? TT_DONE : TT_FAILED;
}

static void done(struct tt_job *job) { /* in event_base_loop, as every callback */
    struct lookup *lookup = (struct lookup *)job;
    printf("localhost: %s\n", tt_outcome_name(job->outcome));
    (void)event_base_loopbreak(lookup->base);
}

int main(void) {
    struct tt_error error;
    struct tt_pool_options options = {.name = "dns", .worker_count = 2, .queue_limit = 100};
    struct event_base *base = event_base_new();
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool *pool = wake != NULL ? tt_pool_create(wake, &options, &error) : NULL;
    struct tt_bind_libevent bind;
    struct lookup lookup = {.job = {.run = run, .done = done}, .base = base};
    if (base == NULL || pool == NULL || tt_bind_libevent_open(&bind, base, wake) != TT_OK ||
        tt_pool_submit(pool, &lookup.job) != TT_OK)
        return 1;
    int result = tt_bind_libevent_run(&bind); /* where event_base_dispatch(base) was */
    assert(result == 0 && lookup.job.outcome == TT_DONE && lookup.found != NULL);
    freeaddrinfo(lookup.found);
    tt_bind_libevent_close(&bind);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    event_base_free(base);
    return 0;
}
