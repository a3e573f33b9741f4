#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <tothread/gather.h>

struct lookup {
    struct tt_job job;
    const char *host;
};

static struct lookup lookups[2];
static int is_over;

static enum tt_outcome run(struct tt_job *job, void *worker_state) { /* on a worker */
    const struct lookup *lookup = (const struct lookup *)job;
    struct addrinfo *found = NULL;
    (void)worker_state;
    if (getaddrinfo(lookup->host, NULL, NULL, &found) != 0)
        return TT_FAILED;
    freeaddrinfo(found);
    return TT_DONE;
}

static void keep(struct tt_job *job) {
    (void)job; /* static memory; without a release function it couldn't be given up */
}

static void done(struct tt_gather *gather) { /* on the loop, once */
    printf("gather: %s\n", tt_outcome_name(gather->outcome));
    for (size_t i = 0; i < 2; i++)
        printf("%s: %s\n", lookups[i].host, tt_outcome_name(gather->items[i].outcome));
}

static void release(struct tt_gather *gather) { /* no thread is in getaddrinfo any more */
    (void)gather;
    is_over = 1;
}

int main(void) {
    struct tt_error error;
    struct tt_pool_options options = {.name = "dns", .worker_count = 2, .queue_limit = 10};
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool *pool = wake != NULL ? tt_pool_create(wake, &options, &error) : NULL;
    if (pool == NULL)
        return 1;

    static struct tt_gather_item items[2];
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    for (size_t i = 0; i < 2; i++) {
        lookups[i] = (struct lookup){.job = {.run = run, .release = keep}, .host = hosts[i]};
        items[i].job = &lookups[i].job;
    }
    static struct tt_gather gather = {
        .done = done, .release = release, .flags = TT_GATHER_ALL, .timeout_us = 2000000, .stop = TT_STOP_ABANDON};
    if (tt_gather_start(&gather, pool, items, 2) != TT_OK)
        return 1;

    while (!is_over) { /* your event loop, whichever it is */
        struct pollfd watched = {.fd = tt_wake_fd(wake), .events = POLLIN};
        int64_t sleep_us = tt_wake_prepare(wake);
        (void)poll(&watched, 1, sleep_us < 0 ? -1 : (int)((sleep_us + 999) / 1000));
        (void)tt_wake_dispatch(wake, 64);
    }
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    return 0;
}
