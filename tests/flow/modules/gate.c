/**
 * Gate: a call that blocks until the test lets it go.
 *
 * It stands in open(2) of a FIFO, which no signal of ours and no deadline can end: a legacy call of the worst kind. The
 * test opens the FIFO for writing, and all go on; while it keeps it open, later ones pass.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tothread/module.h>
#include <unistd.h>

struct gate {
    const char *fifo; /* lent by the host until finish */
    atomic_int entered_count;
    atomic_int inside_count;
    atomic_int inside_max;
};

static void enter(struct gate *gate) {
    int now = atomic_fetch_add(&gate->inside_count, 1) + 1;
    int most = atomic_load(&gate->inside_max);
    while (now > most && !atomic_compare_exchange_weak(&gate->inside_max, &most, now)) {
        /* most is fresh now */
    }
    (void)atomic_fetch_add(&gate->entered_count, 1);
}

static enum tt_outcome hold_run(struct tt_run *run) {
    struct gate *gate = run->call;
    int fd;
    enter(gate);
    do
        fd = open(gate->fifo, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    int failed = errno;
    (void)atomic_fetch_sub(&gate->inside_count, 1);
    if (fd < 0)
        return run->host->fail(run, 500, "can't open %s: %s", gate->fifo, strerrordesc_np(failed));
    (void)close(fd); /* nothing was read */
    char text[80];
    int size = snprintf(text, sizeof text, "{\"entered\":%d,\"inside_max\":%d}\n", atomic_load(&gate->entered_count),
                        atomic_load(&gate->inside_max));
    return run->host->write(run, text, (size_t)size) == TT_OK ? TT_DONE : run->host->fail(run, 500, "no room");
}

static enum tt_outcome fail_run(struct tt_run *run) {
    return run->host->fail(run, (int)run->args[0].as.integer, "it was told to fail");
}

static enum tt_outcome who_run(struct tt_run *run) {
    char text[256];
    int size = snprintf(text, sizeof text, "{\"id\":\"%s\",\"traceparent\":\"%s\",\"client\":\"%s\"}\n", run->id,
                        run->traceparent, run->client);
    return run->host->write(run, text, (size_t)size) == TT_OK ? TT_DONE : run->host->fail(run, 500, "no room");
}

static enum tt_status hold_prepare(const struct tt_host *host, struct tt_setup *setup, void *module, void **ret_call) {
    (void)module;
    struct gate *gate = calloc(1, sizeof *gate);
    if (gate == NULL)
        return TT_NOMEM;
    gate->fifo = host->setting_path(setup, "fifo");
    *ret_call = gate;
    return TT_OK;
}

static void hold_finish(void *module, void *call) {
    (void)module;
    free(call);
}

static const struct tt_setting fifo_setting = {.key = "fifo", .is_required = true, .help = "where to wait"};

static const struct tt_param status_param = {
    .name = "status", .type = TT_TYPE_INTEGER, .minimum = 400, .maximum = 599, .default_text = "500"};

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function),
     .name = "hold",
     .help = "blocks until somebody opens the FIFO for writing",
     .settings = &fifo_setting,
     .setting_count = 1,
     .prepare = hold_prepare,
     .finish = hold_finish,
     .run = hold_run},
    {.size = sizeof(struct tt_function),
     .name = "fail",
     .help = "fails",
     .params = &status_param,
     .param_count = 1,
     .run = fail_run},
    {.size = sizeof(struct tt_function), .name = "who", .help = "tells what it knows of its request", .run = who_run},
};

TT_EXPORT const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_module),
    .name = "gate",
    .version = "1.0",
    .help = "calls that end when a test wants it",
    .functions = functions,
    .function_count = sizeof functions / sizeof functions[0],
};
