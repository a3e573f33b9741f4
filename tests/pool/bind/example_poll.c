/* poll(2): a file is read on a worker while the loop watches a pipe. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <tothread/bind/poll.h>
#include <tothread/pool.h>
#include <unistd.h>

struct reading {
    struct tt_job job;
    char text[64];
};

static enum tt_outcome run(struct tt_job *job, void *worker_state) { /* on a worker: may block */
    struct reading *reading = (struct reading *)job;
    FILE *file = fopen("/proc/self/comm", "r"); /* the program's name */
    (void)worker_state;
    if (file == NULL)
        return TT_FAILED;
    const char *line = fgets(reading->text, sizeof reading->text, file);
    return fclose(file) == 0 && line != NULL ? TT_DONE : TT_FAILED;
}

static void done(struct tt_job *job) { /* on the loop */
    printf("read: %s", ((struct reading *)job)->text);
}

int main(void) {
    struct tt_error error;
    struct tt_pool_options options = {.name = "files", .worker_count = 2, .queue_limit = 100};
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool *pool = wake != NULL ? tt_pool_create(wake, &options, &error) : NULL;
    struct reading reading = {.job = {.run = run, .done = done}};
    int ends[2];
    if (pool == NULL || pipe(ends) != 0 || tt_pool_submit(pool, &reading.job) != TT_OK)
        return 1;
    struct pollfd fds[2] = {{.fd = ends[0], .events = POLLIN}}; /* one of our own, and room for the wake's */
    while (!tt_pool_is_idle(pool)) {
        int count = tt_bind_poll_turn(wake, fds, 1, -1); /* sleeps; calls done */
        assert(count == 0);                              /* the pipe is silent */
    }
    assert(reading.job.outcome == TT_DONE && strcmp(reading.text, "example_poll\n") == 0);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    return 0;
}
