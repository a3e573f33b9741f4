#include <stdio.h>
#include <stdlib.h>
#include <tothread/bind/poll.h>
#include <tothread/pool.h>

struct connection { /* one for each worker: no lock is needed */
    unsigned query_count;
};

static enum tt_status on_start(void *context, void **ret_state, struct tt_error *reterr) { /* on that worker */
    (void)context;
    *ret_state = calloc(1, sizeof(struct connection));
    return *ret_state != NULL ? TT_OK : tt_error_set(reterr, TT_NOMEM, 0, "no memory for a connection");
}

static void on_stop(void *context, void *state) { /* on that worker */
    (void)context;
    free(state);
}

static enum tt_outcome run(struct tt_job *job, void *worker_state) { /* on a worker: may block */
    struct connection *connection = worker_state;
    (void)job;
    connection->query_count++;
    return TT_DONE;
}

static void report_left(struct tt_pool *pool, uint64_t timeout_us) {
    struct tt_job_snapshot left[8];
    size_t count = tt_pool_drain(pool, timeout_us, left, 8);
    for (size_t i = 0; i < count && i < 8; i++)
        printf("given up: %s, %s\n", left[i].name, tt_job_phase_name(left[i].phase));
}

int main(void) {
    enum { JOB_COUNT = 12 };
    static struct tt_job jobs[JOB_COUNT];
    struct tt_error error = {0};
    struct tt_pool_options options = {.name = "db",
                                      .worker_count = 2,
                                      .queue_limit = 5,
                                      .queue_timeout_us = 2000000,
                                      .on_start = on_start,
                                      .on_stop = on_stop};
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool *pool = wake != NULL ? tt_pool_create(wake, &options, &error) : NULL;
    if (pool == NULL) {
        printf("no pool: %s\n", error.text);
        return 1;
    }
    for (size_t i = 0; i < JOB_COUNT; i++) {
        jobs[i].run = run;
        jobs[i].name = "query";
        enum tt_status status = tt_pool_submit(pool, &jobs[i]); /* TT_FULL: say so to your client, now */
        if (status != TT_OK)
            printf("job %zu: %s, try again in %.0f s\n", i, tt_status_name(status),
                   (double)tt_pool_expected_wait_us(pool) / 1e6);
    }
    report_left(pool, 5000000); /* runs it empty; a program with a loop of its own closes it and goes on looping */
    struct tt_pool_snapshot now;
    tt_pool_snapshot(pool, &now);
    printf("%s: %llu submitted, %llu done, %llu refused\n", now.name, (unsigned long long)now.submitted,
           (unsigned long long)now.done, (unsigned long long)now.refused_full);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    return 0;
}
