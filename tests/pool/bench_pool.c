/*
 * Bench: what the pool alone costs a job. Usage: bench_pool THREADS OUTSTANDING SECONDS
 *
 * The loop keeps OUTSTANDING empty jobs inside until the time is over: tt_wake_prepare, ppoll if it may sleep,
 * tt_wake_dispatch; each done submits its job again. Prints one line of JSON. p50_us and p99_us are the time from
 * one done to the next with 1 outstanding (a round trip), and -1 with more.
 */
#include "pool/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <tothread/pool.h>

#define TIMES_MAX (1u << 23)

struct bench {
    struct tt_pool *pool;
    uint32_t outstanding;
    uint32_t live_count; /* jobs inside */
    uint64_t op_count;
    uint64_t end_ns;
    uint64_t last_ns;
    uint32_t *times_ns;
    size_t time_count;
};

static struct bench bench;

static uint64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static enum tt_outcome nothing(struct tt_job *job, void *worker_state) {
    (void)job;
    (void)worker_state;
    return TT_DONE;
}

/** Whether another job is wanted. The clock is read for each round trip, else for every 64th job. */
static bool count_one(void) {
    bench.op_count++;
    if (bench.outstanding == 1) {
        uint64_t now = now_ns();
        if (bench.time_count < TIMES_MAX)
            bench.times_ns[bench.time_count++] = (uint32_t)(now - bench.last_ns);
        bench.last_ns = now;
    } else if (bench.op_count % 64 == 0) {
        bench.last_ns = now_ns();
    }
    return bench.last_ns < bench.end_ns;
}

static void done(struct tt_job *job) {
    if (!count_one() || tt_pool_submit(bench.pool, job) != TT_OK)
        bench.live_count--;
}

static int compare(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static double quantile_us(double share) {
    if (bench.time_count == 0)
        return -1;
    return bench.times_ns[(size_t)((double)(bench.time_count - 1) * share)] / 1e3;
}

static double seconds(const struct timeval *time) {
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void report(uint64_t began_ns) {
    uint64_t spent_ns = now_ns() - began_ns;
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* can't fail with these arguments */
    qsort(bench.times_ns, bench.time_count, sizeof *bench.times_ns, compare);
    printf("{\"ops\":%.0f,\"n\":%lu,\"p50_us\":%.2f,\"p99_us\":%.2f,\"cpu_s\":%.4f,\"nvcsw\":%ld,\"nivcsw\":%ld}\n",
           (double)bench.op_count * 1e9 / (double)spent_ns, (unsigned long)bench.op_count, quantile_us(0.5),
           quantile_us(0.99), seconds(&usage.ru_utime) + seconds(&usage.ru_stime), usage.ru_nvcsw, usage.ru_nivcsw);
}

static void turn(struct tt_wake *wake) {
    int64_t sleep_us = tt_wake_prepare(wake);
    if (sleep_us != 0) {
        struct pollfd watched = {.fd = tt_wake_fd(wake), .events = POLLIN};
        struct timespec limit = {sleep_us / 1000000, sleep_us % 1000000 * 1000};
        (void)ppoll(&watched, 1, sleep_us < 0 ? NULL : &limit, NULL); /* interrupted is fine */
    }
    (void)tt_wake_dispatch(wake, SIZE_MAX);
}

/** A number from 1 to most, or 0. */
static uint32_t read_count(const char *text, unsigned long most) {
    char *end = NULL;
    errno = 0;
    unsigned long count = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && count <= most ? (uint32_t)count : 0;
}

int main(int argument_count, char **arguments) {
    uint32_t threads = argument_count > 1 ? read_count(arguments[1], TT_POOL_WORKERS_MAX) : 4;
    bench.outstanding = argument_count > 2 ? read_count(arguments[2], 1000000) : 1;
    double length_s = argument_count > 3 ? strtod(arguments[3], NULL) : 1;
    if (threads == 0 || bench.outstanding == 0 || !(length_s > 0 && length_s < 3600)) {
        fprintf(stderr, "usage: bench_pool THREADS OUTSTANDING SECONDS\n");
        return 64;
    }
    bench.times_ns = calloc(TIMES_MAX, sizeof *bench.times_ns);
    struct tt_job *jobs = calloc(bench.outstanding, sizeof *jobs);
    struct tt_error error = {0};
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool_options options = {.name = "bench", .worker_count = threads, .queue_limit = bench.outstanding};
    if (wake != NULL)
        bench.pool = tt_pool_create(wake, &options, &error);
    if (bench.times_ns == NULL || jobs == NULL || bench.pool == NULL) {
        fprintf(stderr, "bench_pool: %s\n", error.text[0] != '\0' ? error.text : "no memory");
        return 1;
    }
    (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* the workers come up before the clock starts */
    uint64_t began_ns = now_ns();
    bench.last_ns = began_ns;
    bench.end_ns = began_ns + (uint64_t)(length_s * 1e9);
    for (uint32_t i = 0; i < bench.outstanding; i++) {
        jobs[i].run = nothing;
        jobs[i].done = done;
        if (tt_pool_submit(bench.pool, &jobs[i]) == TT_OK)
            bench.live_count++;
    }
    while (bench.live_count > 0)
        turn(wake);
    report(began_ns);
    tt_pool_destroy(bench.pool);
    tt_wake_destroy(wake);
    free(jobs);
    free(bench.times_ns);
    return 0;
}
