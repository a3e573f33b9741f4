/* GLib: a file is read on a worker while the main loop goes on. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <tothread/bind/glib.h>
#include <tothread/pool.h>

struct reading {
    struct tt_job job;
    GMainLoop *loop;
    char *text;
};

static enum tt_outcome run(struct tt_job *job, void *worker_state) { /* on a worker: may block */
    struct reading *reading = (struct reading *)job;
    (void)worker_state;
    return g_file_get_contents("/proc/self/comm", &reading->text, NULL, NULL) ? TT_DONE : TT_FAILED;
}

static void done(struct tt_job *job) { /* in g_main_loop_run, as every callback */
    struct reading *reading = (struct reading *)job;
    printf("read: %s", reading->text);
    g_main_loop_quit(reading->loop);
}

int main(void) {
    struct tt_error error;
    struct tt_pool_options options = {.name = "files", .worker_count = 2, .queue_limit = 100};
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool *pool = wake != NULL ? tt_pool_create(wake, &options, &error) : NULL;
    struct tt_bind_glib bind;
    struct reading reading = {.job = {.run = run, .done = done}, .loop = g_main_loop_new(NULL, FALSE)};
    if (pool == NULL || tt_pool_submit(pool, &reading.job) != TT_OK)
        return 1;
    tt_bind_glib_open(&bind, NULL, wake);
    g_main_loop_run(reading.loop);
    assert(reading.job.outcome == TT_DONE && strcmp(reading.text, "example_glib\n") == 0);
    g_free(reading.text);
    tt_bind_glib_close(&bind);
    g_main_loop_unref(reading.loop);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    return 0;
}
