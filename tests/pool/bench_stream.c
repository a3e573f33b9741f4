/*
 * Bench: what a chunk costs on its way between a worker and the loop. Usage: bench_stream CHUNK_BYTES MARK_BYTES SECONDS
 *
 * First a job writes chunks to its stream for SECONDS, the loop consumes each at once; then the loop feeds a job as fast as
 * it reads. Prints a line of JSON for each direction: MiB/s, processor time per chunk (both threads), how many pieces the
 * receiver got for a chunk, and voluntary context switches for a chunk.
 */
#include "pool/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <tothread/feed.h>
#include <tothread/pool.h>
#include <tothread/stream.h>

struct bench {
    struct tt_job job;
    struct tt_stream stream;
    struct tt_feed feed;
    unsigned char *chunk;  /* the loop's */
    unsigned char *buffer; /* the worker's */
    size_t chunk_bytes;
    uint64_t length_us;
    uint64_t end_us;
    uint64_t byte_count;  /* that came */
    uint64_t piece_count; /* in which they came */
};

#define BENCH_OF_JOB(job_)       ((struct bench *)((char *)(job_)-offsetof(struct bench, job)))
#define BENCH_OF_STREAM(stream_) ((struct bench *)((char *)(stream_)-offsetof(struct bench, stream)))
#define BENCH_OF_FEED(feed_)     ((struct bench *)((char *)(feed_)-offsetof(struct bench, feed)))

static enum tt_outcome write_all(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    struct bench *bench = BENCH_OF_JOB(job);
    while (tti_clock_now_us() < bench->end_us)
        if (tt_stream_write(&bench->stream, bench->buffer, bench->chunk_bytes) != TT_OK)
            return TT_FAILED;
    return TT_DONE;
}

static void on_data(struct tt_stream *stream, const void *data, size_t size) {
    struct bench *bench = BENCH_OF_STREAM(stream);
    (void)data;
    bench->byte_count += size;
    bench->piece_count++;
    (void)tt_stream_consume(stream, size); /* no more than came */
}

static enum tt_outcome read_all(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    struct bench *bench = BENCH_OF_JOB(job);
    size_t size = 0;
    while (tt_feed_read(&bench->feed, bench->buffer, bench->chunk_bytes, &size) == TT_OK && size > 0) {
        bench->byte_count += size;
        bench->piece_count++;
    }
    return TT_DONE;
}

static void push_all(struct tt_feed *feed) {
    struct bench *bench = BENCH_OF_FEED(feed);
    size_t taken = 0;
    while (tti_clock_now_us() < bench->end_us)
        if (tt_feed_push(feed, bench->chunk, bench->chunk_bytes, &taken) != TT_OK)
            return;
    tt_feed_end(feed);
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

static double seconds(const struct timeval *time) {
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

/** Runs the job to its end and prints what came. Returns: whether it was accepted. */
static int measure(struct bench *bench, struct tt_wake *wake, struct tt_pool *pool, const char *direction) {
    struct rusage before;
    struct rusage after;
    bench->byte_count = 0;
    bench->piece_count = 0;
    (void)getrusage(RUSAGE_SELF, &before); /* can't fail with these arguments */
    uint64_t began_us = tti_clock_now_us();
    bench->end_us = began_us + bench->length_us;
    if (tt_pool_submit(pool, &bench->job) != TT_OK)
        return 0;
    if (bench->job.run == read_all)
        push_all(&bench->feed);
    while (!tt_pool_is_idle(pool))
        turn(wake);
    double spent_s = (double)(tti_clock_now_us() - began_us) / 1e6;
    (void)getrusage(RUSAGE_SELF, &after);
    double cpu_s =
        seconds(&after.ru_utime) + seconds(&after.ru_stime) - seconds(&before.ru_utime) - seconds(&before.ru_stime);
    double chunks = (double)bench->byte_count / (double)bench->chunk_bytes;
    printf("{\"direction\":\"%s\",\"chunk\":%zu,\"mib_s\":%.0f,\"cpu_us_per_chunk\":%.3f,\"pieces_per_chunk\":%.3f,"
           "\"nvcsw_per_chunk\":%.3f}\n",
           direction, bench->chunk_bytes, (double)bench->byte_count / spent_s / 1048576, cpu_s / chunks * 1e6,
           (double)bench->piece_count / chunks, (double)(after.ru_nvcsw - before.ru_nvcsw) / chunks);
    return 1;
}

/** A number from 1 to most, or 0. */
static size_t read_count(const char *text, unsigned long most) {
    char *end = NULL;
    errno = 0;
    unsigned long count = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && count <= most ? (size_t)count : 0;
}

int main(int argument_count, char **arguments) {
    static struct bench bench;
    bench.chunk_bytes = argument_count > 1 ? read_count(arguments[1], 1u << 30) : 65536;
    size_t mark_bytes = argument_count > 2 ? read_count(arguments[2], 1u << 30) : TT_STREAM_LIMIT_DEFAULT;
    double length_s = argument_count > 3 ? strtod(arguments[3], NULL) : 1;
    if (bench.chunk_bytes == 0 || mark_bytes == 0 || !(length_s > 0 && length_s < 3600)) {
        fprintf(stderr, "usage: bench_stream CHUNK_BYTES MARK_BYTES SECONDS\n");
        return 64;
    }
    bench.length_us = (uint64_t)(length_s * 1e6);
    bench.chunk = calloc(1, bench.chunk_bytes);
    bench.buffer = calloc(1, bench.chunk_bytes);
    struct tt_error error = {0};
    struct tt_wake *wake = tt_wake_create(&error);
    struct tt_pool_options options = {.name = "bench", .worker_count = 1, .queue_limit = 1};
    struct tt_pool *pool = wake != NULL ? tt_pool_create(wake, &options, &error) : NULL;
    bench.stream = (struct tt_stream){.on_data = on_data, .limit_bytes = mark_bytes};
    bench.feed = (struct tt_feed){.on_room = push_all, .limit_bytes = mark_bytes};
    if (bench.chunk == NULL || bench.buffer == NULL || pool == NULL ||
        tt_stream_init(&bench.stream, &bench.job) != TT_OK || tt_feed_init(&bench.feed, &bench.job) != TT_OK) {
        fprintf(stderr, "bench_stream: %s\n", error.text[0] != '\0' ? error.text : "no memory");
        return 1;
    }
    bench.job.run = write_all;
    int is_done = measure(&bench, wake, pool, "stream");
    bench.job.run = read_all;
    is_done = is_done && measure(&bench, wake, pool, "feed");
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    tt_stream_deinit(&bench.stream);
    tt_feed_deinit(&bench.feed);
    free(bench.chunk);
    free(bench.buffer);
    return is_done ? 0 : 1;
}
