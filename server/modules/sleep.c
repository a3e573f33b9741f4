/**
 * Sleep: a whole module, to be copied.
 *
 * A module offers blocking functions to the service. This one offers a single function, `sleep`, that takes a number and
 * answers JSON. Four steps make your own:
 *
 * 1. Copy this file, and put your blocking call where nanosleep stands.
 * 2. Build it. Nothing is linked but what your call needs:
 *        gcc -shared -fPIC -fvisibility=hidden -Iinclude -o sleep.so sleep.c
 *    (-Iinclude: the folder that tothread/module.h is in, until it is installed.)
 * 3. Name it in the configuration, my.conf:
 *        [pool slow]                  [module sleep]           [call nap]
 *        workers = 4                  path = ./sleep.so        module = sleep
 *                                     pool = slow              route = GET /nap
 * 4. Try it:  tothread call nap '{"ms":50}' -c my.conf   or   curl 'http://127.0.0.1:8080/nap?ms=50'
 *
 * tothread/module.h tells the rest: settings, state of a module or a worker, request bodies, other media types.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <tothread/module.h>

/* What a caller may pass. The service checks type and range, and answers 422 itself: run sees good values only. */
static const struct tt_param sleep_params[] = {
    {.name = "ms",
     .type = TT_TYPE_INTEGER,
     .is_required = true,
     .minimum = 0,
     .maximum = 60000,
     .help = "how long to sleep, in milliseconds"},
};

/* The blocking call. It runs on a worker thread, so it may take its time. Several workers may be in here at once. */
static enum tt_outcome sleep_run(struct tt_run *run) {
    int64_t ms = run->args[0].as.integer; /* in the order of sleep_params */

    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0)
        if (errno != EINTR)
            return run->host->fail(run, 500, "nanosleep refused %" PRId64 " ms", ms);

    char answer[64];
    int size = snprintf(answer, sizeof answer, "{\"slept_ms\":%" PRId64 "}\n", ms);
    if (run->host->write(run, answer, (size_t)size) != TT_OK)
        return run->host->fail(run, 500, "no room for the answer");
    return TT_DONE;
}

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function),
     .name = "sleep",
     .help = "sleeps on a worker",
     .params = sleep_params,
     .param_count = sizeof sleep_params / sizeof sleep_params[0],
     .run = sleep_run},
};

/* The one symbol that the service looks for. */
TT_EXPORT const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_module),
    .name = "sleep",
    .version = "1.0",
    .help = "one blocking function, as an example",
    .functions = functions,
    .function_count = sizeof functions / sizeof functions[0],
};
