#include <stdio.h>
#include <tothread/bind/poll.h>
#include <tothread/pool.h>
#include <unistd.h>

struct listener {
    struct tt_job job;    /* first, so that a pointer to it is one to the listener */
    struct tt_post begun; /* to tell the loop that the function runs */
    struct tt_wake *wake;
    int ends[2]; /* of a pipe that nobody writes to, but the hook */
};

static struct listener first, second;

static enum tt_outcome run(struct tt_job *job, void *worker_state) { /* on a worker */
    struct listener *listener = (struct listener *)job;
    char byte;
    (void)worker_state;
    tt_wake_post(listener->wake, &listener->begun);
    if (read(listener->ends[0], &byte, 1) != 1) /* blocks, for ever if need be */
        return TT_FAILED;
    return tt_job_is_cancelled(job) ? TT_CANCELLED : TT_DONE;
}

static void interrupt(
    struct tt_job *job) { /* on the loop: wakes the function up; the pipe remembers it if that is early */
    const struct listener *listener = (const struct listener *)job;
    (void)!write(listener->ends[1], "", 1);
}

static void done(struct tt_job *job) { /* on the loop, once */
    printf("%s: %s, %s\n", job->name, tt_outcome_name(job->outcome), job->run_us != 0 ? "ran" : "never ran");
}

static void release(struct tt_job *job) { /* on the loop, once, after done: no worker touches it any more */
    const struct listener *listener = (const struct listener *)job;
    (void)close(listener->ends[0]);
    (void)close(listener->ends[1]);
}

static void on_begun(struct tt_post *post) { /* on the loop */
    (void)post;
    printf("take the second back: %s\n", tt_status_name(tt_job_cancel(&second.job)));
    printf("take the first back: %s\n", tt_status_name(tt_job_cancel(&first.job)));
    printf("ask it to end: %s\n", tt_status_name(tt_job_interrupt(&first.job)));
}

static int listen_for(struct listener *listener, const char *name, struct tt_pool *pool, struct tt_wake *wake) {
    listener->job = (struct tt_job){.name = name, .run = run, .done = done, .release = release, .interrupt = interrupt};
    listener->begun.fn = on_begun;
    listener->wake = wake;
    return pipe(listener->ends) == 0 && tt_pool_submit(pool, &listener->job) == TT_OK;
}

int main(void) {
    struct tt_error error;
    struct tt_pool_options options = {.name = "ears", .worker_count = 1, .queue_limit = 10};
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool *pool = wake != NULL ? tt_pool_create(wake, &options, &error) : NULL;
    if (pool == NULL || !listen_for(&first, "first", pool, wake) || !listen_for(&second, "second", pool, wake))
        return 1;
    while (!tt_pool_is_idle(pool)) /* your event loop, whichever it is */
        (void)tt_bind_poll_turn(wake, NULL, 0, -1);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    return 0;
}
