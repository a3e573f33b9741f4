/* Feed: the loop's bytes reach a job in order, the loop never waits, and no reader waits for ever. */
#include "pool/fault.h"
#include "pool/internal.h"
#include "pool/ring.h"
#include "probe.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <tothread/context.h>
#include <tothread/feed.h>
#include <tothread/stream.h>

/** A job that reads to the end, `piece` bytes at a time; byte n of a feed is pattern(n). */
struct reader {
    struct probe probe;
    struct tt_feed feed;
    size_t piece;
    struct gate *each;     /* passed before each read; may be NULL */
    struct gate *after;    /* passed at the end of run; may be NULL */
    _Atomic int status;    /* of the last read */
    _Atomic uint64_t got;  /* bytes */
    _Atomic bool is_wrong; /* they were not the pattern */
    uint64_t stops_at;     /* reads no more than these; 0: to the end */
    uint64_t total;        /* what feed_more pushes */
    uint64_t pushed;
    uint64_t push_size;
    uint32_t room_count; /* calls of on_room */
    size_t room_least;   /* the least room that on_room found */
    char request[32];
};

#define READER_OF_JOB(job_)   ((struct reader *)((char *)(job_)-offsetof(struct reader, probe.job)))
#define READER_OF_FEED(feed_) ((struct reader *)((char *)(feed_)-offsetof(struct reader, feed)))
#define NOT_YET               (-1)

static unsigned char pattern(uint64_t place) {
    return (unsigned char)(place * 7 + place / 251);
}

static enum tt_outcome reader_run(struct tt_job *job, void *worker_state) {
    struct reader *reader = READER_OF_JOB(job);
    enum tt_outcome outcome = probe_run(job, worker_state);
    unsigned char *bytes = malloc(reader->piece);
    enum tt_status status = TT_OK;
    size_t size = 1;
    while (status == TT_OK && size > 0 && (reader->stops_at == 0 || reader->got < reader->stops_at)) {
        if (reader->each != NULL)
            gate_pass(reader->each);
        status = tt_feed_read(&reader->feed, bytes, reader->piece, &size);
        if (status != TT_OK)
            break;
        for (size_t i = 0; i < size; i++)
            if (bytes[i] != pattern(reader->got + i))
                atomic_store(&reader->is_wrong, true);
        atomic_fetch_add(&reader->got, size);
    }
    free(bytes);
    atomic_store(&reader->status, (int)status);
    if (reader->after != NULL)
        gate_pass(reader->after);
    return tt_job_is_cancelled(job) ? TT_CANCELLED : outcome;
}

/** Pushes until it is full or all is pushed. Returns: the last status. */
static enum tt_status feed_more(struct reader *reader) {
    enum tt_status status = TT_OK;
    unsigned char bytes[4096];
    while (status == TT_OK && reader->pushed < reader->total) {
        size_t size = reader->push_size < sizeof bytes ? (size_t)reader->push_size : sizeof bytes;
        if (size > reader->total - reader->pushed)
            size = (size_t)(reader->total - reader->pushed);
        for (size_t i = 0; i < size; i++)
            bytes[i] = pattern(reader->pushed + i);
        size_t taken = SIZE_MAX;
        status = tt_feed_push(&reader->feed, bytes, size, &taken);
        bool is_right = status == TT_CLOSED ? taken == 0 : taken <= size && (status == TT_OK) == (taken == size);
        if (!is_right) /* an assertion for each would take check longer than the test */
            ck_abort_msg("%s, but %zu of %zu were taken", tt_status_name(status), taken, size);
        reader->pushed += taken;
    }
    if (status == TT_OK)
        tt_feed_end(&reader->feed);
    return status;
}

static size_t room_of(struct reader *reader) {
    struct tti_ring *ring = reader->feed.ring;
    tti_lock_enter(&ring->lock);
    size_t room = tti_ring_room(ring);
    tti_lock_leave(&ring->lock);
    return room;
}

static void on_room(struct tt_feed *feed) {
    struct reader *reader = READER_OF_FEED(feed);
    const char *request_id = tt_context_values(tt_context_current())->request_id;
    size_t room = room_of(reader);
    ck_assert_uint_eq(reader->probe.done_count, 0);
    reader->room_count++;
    reader->room_least = room < reader->room_least ? room : reader->room_least;
    (void)snprintf(reader->request, sizeof reader->request, "%s", request_id != NULL ? request_id : "");
    (void)feed_more(reader);
}

static void reader_release(struct tt_job *job) {
    tt_feed_deinit(&READER_OF_JOB(job)->feed);
    probe_release(job);
}

static void reader_init(struct reader *reader, size_t limit_bytes, size_t piece) {
    memset(reader, 0, sizeof *reader);
    probe_init(&reader->probe, NULL);
    reader->probe.job.run = reader_run;
    reader->probe.job.release = reader_release;
    reader->piece = piece;
    reader->push_size = SIZE_MAX;
    reader->room_least = SIZE_MAX;
    reader->status = NOT_YET;
    reader->feed.on_room = on_room;
    reader->feed.limit_bytes = limit_bytes;
    ck_assert_int_eq(tt_feed_init(&reader->feed, &reader->probe.job), TT_OK);
}

static bool is_blocked(struct reader *reader) {
    struct tti_ring *ring = reader->feed.ring;
    tti_lock_enter(&ring->lock);
    bool is_waiting = ring->waiting != NULL;
    tti_lock_leave(&ring->lock);
    return is_waiting;
}

static void start_blocked(struct tt_wake *wake, struct tt_pool *pool, struct reader *reader) {
    probe_submit(pool, &reader->probe);
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(is_blocked(reader));
}

static void assert_read_all(struct reader *reader) {
    ck_assert_int_eq(reader->status, TT_OK);
    ck_assert(!reader->is_wrong);
    ck_assert_uint_eq(reader->got, reader->total);
}

START_TEST(bytes_come_in_order_whatever_the_sizes) {
    static const size_t sizes[][4] = {
        /* limit, total, push, read */
        {1000, 300000, 7, 4096}, {1000, 300000, 4096, 7},   {1000, 300000, 999, 1001},  {1, 2000, 3, 3},
        {7, 20000, 16, 2},       {0, 3000000, 4096, 65536}, {100, 100000, 4096, 100000}};
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 0);
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        struct reader reader;
        reader_init(&reader, sizes[i][0], sizes[i][3]);
        reader.total = sizes[i][1];
        reader.push_size = sizes[i][2];
        (void)feed_more(&reader); /* before it is submitted */
        probe_submit(pool, &reader.probe);
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        assert_read_all(&reader);
        ck_assert_uint_ge(reader.room_least, reader.feed.limit_bytes / 2);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(full_feed_takes_what_fits_and_tells_when_half_is_free) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.request_id = "r"}, NULL);
    struct gate gate;
    struct reader reader;
    gate_init(&gate);
    reader_init(&reader, 100, 10);
    reader.probe.gate = &gate;
    reader.after = &gate;
    reader.probe.job.context = context;
    reader.stops_at = 40;
    reader.total = 100;
    reader.push_size = 60;
    size_t taken = 0;
    unsigned char bytes[100];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(i);
    ck_assert_int_eq(tt_feed_push(&reader.feed, bytes, 60, &taken), TT_OK);
    ck_assert_uint_eq(taken, 60);
    ck_assert_int_eq(tt_feed_push(&reader.feed, bytes + 60, 60, &taken), TT_FULL);
    ck_assert_uint_eq(taken, 40);
    ck_assert_int_eq(tt_feed_push(&reader.feed, bytes, 1, &taken), TT_FULL);
    ck_assert_uint_eq(taken, 0);
    reader.pushed = 100;
    reader.total = 130;
    probe_submit(pool, &reader.probe);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    gate_open(&gate, 1);
    gate_await(&gate, 1); /* it has read 40 */
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(reader.room_count, 0);
    ck_assert_uint_eq(room_of(&reader), 40);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    reader_init(&reader, 100, 10); /* the same once more, and one byte over the half */
    reader.probe.job.context = context;
    reader.after = &gate;
    reader.stops_at = 50;
    reader.total = 170;
    ck_assert_int_eq(feed_more(&reader), TT_FULL);
    probe_submit(pool, &reader.probe);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(reader.room_count, 1);
    ck_assert_uint_eq(reader.room_least, 50);
    ck_assert_uint_eq(reader.pushed, 150);
    ck_assert_str_eq(reader.request, "r");
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(reader.room_count, 1); /* once */
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert(!reader.is_wrong);
    tt_context_release(context);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(room_is_told_once_when_the_sender_does_not_wait_for_it) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct reader reader;
    gate_init(&gate);
    reader_init(&reader, 100, 60);
    reader.each = &gate;
    reader.total = 1000;
    probe_submit(pool, &reader.probe);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    for (unsigned i = 0; i < 3; i++) { /* the loop doesn't dispatch: room is noticed, and used up, again and again */
        ck_assert_int_eq(feed_more(&reader), TT_FULL);
        gate_open(&gate, 1);
        gate_await(&gate, 1);
    }
    ck_assert_uint_eq(pool->request_count, 1); /* its worker stands at the gate */
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(reader.room_count, 1);
    gate_open(&gate, 1000);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    assert_read_all(&reader);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(reader_waits_for_bytes_and_for_the_end) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct reader reader;
    size_t taken = 0;
    const unsigned char bytes[2] = {pattern(0), pattern(1)};
    reader_init(&reader, 100, 10);
    reader.feed.on_room = NULL;
    start_blocked(wake, pool, &reader);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(tt_feed_push(&reader.feed, bytes + i, 1, &taken), TT_OK);
        PROBE_YIELD_UNTIL(reader.got == i + 1);
        PROBE_YIELD_UNTIL(is_blocked(&reader));
    }
    tt_feed_end(&reader.feed);
    ck_assert_int_eq(tt_feed_push(&reader.feed, bytes, 1, &taken), TT_CLOSED);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    reader.total = 2;
    assert_read_all(&reader);
    probe_end(wake, pool);
}
END_TEST

START_TEST(sender_that_leaves_in_the_middle_is_not_taken_for_the_end) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct reader reader;
        size_t taken = 0;
        reader_init(&reader, 100, 10);
        if (i == 0) {
            start_blocked(wake, pool, &reader);
        } else { /* what is inside already is lost */
            ck_assert_int_eq(tt_feed_push(&reader.feed, "x", 1, &taken), TT_OK);
            probe_submit(pool, &reader.probe);
        }
        tt_feed_close(&reader.feed);
        ck_assert_int_eq(tt_feed_push(&reader.feed, "x", 1, &taken), TT_CLOSED);
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        ck_assert_int_eq(reader.status, TT_CLOSED);
        ck_assert_uint_eq(reader.got, 0);
    }
    probe_end(wake, pool);
}
END_TEST

static void check_end_by_asking(enum tt_status (*ask)(struct tt_job *job), enum tt_outcome outcome) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct reader reader;
    gate_init(&gate);
    reader_init(&reader, 100, 10);
    reader.after = &gate;
    start_blocked(wake, pool, &reader);
    ck_assert_int_eq(ask(&reader.probe.job), TT_OK);
    gate_await(&gate, 1); /* the loop has not dispatched */
    ck_assert_int_eq(reader.status, TT_CLOSED);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&reader.probe, outcome);
    probe_end(wake, pool);
    gate_deinit(&gate);
}

START_TEST(interrupted_reader_goes_on_at_once) {
    check_end_by_asking(tt_job_interrupt, TT_CANCELLED);
}
END_TEST

START_TEST(abandoned_reader_goes_on_at_once) {
    check_end_by_asking(tt_job_abandon, TT_ABANDONED);
}
END_TEST

START_TEST(run_time_out_frees_a_blocked_reader) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct reader reader;
    reader_init(&reader, 100, 10);
    reader.probe.job.run_timeout_us = 30000;
    probe_submit(pool, &reader.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(reader.status, TT_CLOSED);
    probe_assert_ended(&reader.probe, TT_EXPIRED_RUN);
    probe_end(wake, pool);
}
END_TEST

static sem_t left_released;

static void release_left(struct tt_job *job) {
    reader_release(job);
    (void)sem_post(&left_released);
}

START_TEST(end_of_the_pool_frees_a_blocked_reader) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    unsigned thread_count = probe_thread_count() - 1; /* a sanitizer may have one of its own */
    struct reader reader;
    ck_assert_int_eq(sem_init(&left_released, 0, 0), 0);
    reader_init(&reader, 100, 10);
    reader.probe.job.release = release_left;
    start_blocked(wake, pool, &reader);
    tt_pool_destroy(pool);
    gate_wait(&left_released, "the release of a job whose reader was blocked");
    PROBE_YIELD_UNTIL(probe_thread_count() <= thread_count);
    ck_assert_int_eq(reader.status, TT_CLOSED);
    ck_assert_int_eq(reader.probe.outcome, TT_ABANDONED);
    tt_wake_destroy(wake);
}
END_TEST

static enum tt_status status_in_done;

static void push_in_done(struct tt_job *job) {
    size_t taken = SIZE_MAX;
    status_in_done = tt_feed_push(&READER_OF_JOB(job)->feed, "x", 1, &taken);
    ck_assert_uint_eq(taken, 0);
    probe_done(job);
}

START_TEST(feed_of_a_job_that_is_done_is_closed) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct reader reader;
    reader_init(&reader, 100, 10);
    reader.stops_at = 50;
    reader.total = 1000;
    reader.probe.job.done = push_in_done;
    ck_assert_int_eq(feed_more(&reader), TT_FULL);
    probe_submit(pool, &reader.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(status_in_done, TT_CLOSED);
    ck_assert_uint_le(reader.room_count, 1);
    probe_end(wake, pool);
}
END_TEST

/** A sender that was told TT_FULL, and then ended or left, has no use for room. */
START_TEST(room_is_told_to_nobody_who_has_left) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    gate_init(&gate);
    for (unsigned i = 0; i < 4; i++) {
        struct reader reader;
        reader_init(&reader, 100, 60);
        reader.total = 101;
        reader.stops_at = 60;
        reader.after = &gate;
        ck_assert_int_eq(feed_more(&reader), TT_FULL);
        probe_submit(pool, &reader.probe);
        tt_wake_flush(wake);
        gate_await(&gate, 1); /* it has asked the loop to tell, which has not dispatched */
        if (i == 0)
            tt_feed_end(&reader.feed);
        else if (i == 1)
            tt_feed_close(&reader.feed);
        else if (i == 2)
            reader.feed.on_room = NULL;
        else
            ck_assert_int_eq(tt_job_abandon(&reader.probe.job), TT_OK);
        (void)tt_wake_dispatch(wake, 100);
        ck_assert_uint_eq(reader.room_count, i == 3 ? 1 : 0); /* an abandoned job's done comes behind it */
        gate_open(&gate, 1);
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    }
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(only_the_worker_of_the_job_may_read) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct reader reader;
    char byte;
    size_t size = 0;
    reader_init(&reader, 100, 10);
    ck_assert_int_eq(tt_feed_read(&reader.feed, &byte, 1, &size), TT_WRONG_THREAD);
    ck_assert_int_eq(tt_feed_read(&reader.feed, &byte, 0, &size), TT_INVALID);
    start_blocked(wake, pool, &reader);
    ck_assert_int_eq(tt_feed_read(&reader.feed, &byte, 1, &size), TT_WRONG_THREAD);
    tt_feed_end(&reader.feed);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_end(wake, pool);
}
END_TEST

START_TEST(inline_job_reads_what_is_there_and_cannot_wait) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 0, 10, 0);
    struct reader reader;
    reader_init(&reader, 100, 30);
    reader.total = 1000;
    ck_assert_int_eq(feed_more(&reader), TT_FULL);
    probe_submit(pool, &reader.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    assert_read_all(&reader); /* on_room is called while it reads */
    ck_assert_uint_gt(reader.room_count, 0);
    reader_init(&reader, 100, 30);
    probe_submit(pool, &reader.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(reader.status, TT_WRONG_THREAD);
    probe_end(wake, pool);
}
END_TEST

START_TEST(feed_is_made_once) {
    struct tt_job job = {0};
    struct tt_feed feed = {.limit_bytes = TT_FEED_LIMIT_MAX + 1};
    ck_assert_int_eq(tt_feed_init(&feed, &job), TT_INVALID);
    feed.limit_bytes = TT_FEED_LIMIT_MAX;
    atomic_store(&tti_faults.allocation_fails, 1);
    ck_assert_int_eq(tt_feed_init(&feed, &job), TT_NOMEM);
    feed.limit_bytes = 0;
    tt_feed_deinit(&feed);
    ck_assert_int_eq(tt_feed_init(&feed, &job), TT_OK);
    ck_assert_uint_eq(feed.ring->capacity, TT_FEED_LIMIT_DEFAULT);
    ck_assert_int_eq(tt_feed_init(&feed, &job), TT_INVALID);
    tt_feed_deinit(&feed);
    tt_feed_deinit(&feed);
}
END_TEST

/* -- through a job and back: both directions at once, with ends of every kind -- */

struct echo {
    struct reader reader; /* its feed, and how it is pushed */
    struct tt_stream stream;
    uint64_t seen;
    bool is_disturbed;
    size_t piece;
};

#define ECHO_OF_JOB(job_)       ((struct echo *)((char *)(job_)-offsetof(struct echo, reader.probe.job)))
#define ECHO_OF_STREAM(stream_) ((struct echo *)((char *)(stream_)-offsetof(struct echo, stream)))
#define ECHOES                  8u
#define ECHO_ROUNDS             50u

static enum tt_outcome echo_run(struct tt_job *job, void *worker_state) {
    struct echo *echo = ECHO_OF_JOB(job);
    unsigned char bytes[3000];
    size_t size = 0;
    enum tt_status status;
    (void)probe_run(job, worker_state);
    while ((status = tt_feed_read(&echo->reader.feed, bytes, echo->piece, &size)) == TT_OK && size > 0)
        if ((status = tt_stream_write(&echo->stream, bytes, size)) != TT_OK)
            break;
    return status == TT_OK ? TT_DONE : TT_FAILED;
}

static void on_echo(struct tt_stream *stream, const void *data, size_t size) {
    struct echo *echo = ECHO_OF_STREAM(stream);
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != pattern(echo->seen + i))
            ck_abort_msg("byte %lu is another one", (unsigned long)(echo->seen + i));
    echo->seen += size;
    if (tt_stream_consume(stream, size) != TT_OK)
        ck_abort_msg("%zu bytes can't be consumed", size);
}

static void echo_release(struct tt_job *job) {
    struct echo *echo = ECHO_OF_JOB(job);
    if (job->outcome == TT_DONE && !echo->is_disturbed)
        ck_assert_uint_eq(echo->seen, echo->reader.total);
    tt_stream_deinit(&echo->stream);
    reader_release(job);
}

static uint64_t seed = 88172645463325252u;

static uint64_t random_below(uint64_t limit) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % limit;
}

static void echo_start(struct tt_pool *pool, struct echo *echo) {
    reader_init(&echo->reader, 1 + random_below(4000), 1);
    memset(&echo->stream, 0, sizeof echo->stream);
    echo->stream.on_data = on_echo;
    echo->stream.limit_bytes = 1 + random_below(4000);
    echo->seen = 0;
    echo->is_disturbed = false;
    echo->piece = 1 + random_below(3000);
    echo->reader.total = random_below(50000);
    echo->reader.push_size = 1 + random_below(4000);
    echo->reader.probe.job.run = echo_run;
    echo->reader.probe.job.release = echo_release;
    ck_assert_int_eq(tt_stream_init(&echo->stream, &echo->reader.probe.job), TT_OK);
    if (random_below(6) == 0)
        echo->reader.probe.job.run_timeout_us = 1 + random_below(3000);
    probe_submit(pool, &echo->reader.probe);
    (void)feed_more(&echo->reader);
}

static void echo_disturb(struct echo *echo) {
    enum tt_status status = TT_OK;
    switch (random_below(300)) {
    case 0:
        tt_stream_close(&echo->stream);
        break;
    case 1:
        tt_feed_close(&echo->reader.feed);
        break;
    case 2:
        status = tt_job_interrupt(&echo->reader.probe.job);
        break;
    case 3:
        status = tt_job_abandon(&echo->reader.probe.job);
        break;
    default:
        return;
    }
    echo->is_disturbed = true;
    ck_assert(status == TT_OK || status == TT_TOO_LATE);
}

START_TEST(echoes_that_end_in_any_way_keep_their_bytes) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 3, ECHOES, 3);
    static struct echo echoes[ECHOES];
    unsigned started = ECHOES;
    for (unsigned i = 0; i < ECHOES; i++)
        echo_start(pool, &echoes[i]);
    while (started < ECHOES * ECHO_ROUNDS) {
        probe_turn(wake);
        for (unsigned i = 0; i < ECHOES; i++) {
            if (echoes[i].reader.probe.release_count == 0) {
                echo_disturb(&echoes[i]);
                continue;
            }
            echo_start(pool, &echoes[i]);
            started++;
        }
    }
    probe_end(wake, pool); /* they all come to their end */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("feed");
    TCase *tests = tcase_create("feed");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, bytes_come_in_order_whatever_the_sizes);
    tcase_add_test(tests, full_feed_takes_what_fits_and_tells_when_half_is_free);
    tcase_add_test(tests, room_is_told_once_when_the_sender_does_not_wait_for_it);
    tcase_add_test(tests, reader_waits_for_bytes_and_for_the_end);
    tcase_add_test(tests, sender_that_leaves_in_the_middle_is_not_taken_for_the_end);
    tcase_add_test(tests, interrupted_reader_goes_on_at_once);
    tcase_add_test(tests, abandoned_reader_goes_on_at_once);
    tcase_add_test(tests, run_time_out_frees_a_blocked_reader);
    tcase_add_test(tests, end_of_the_pool_frees_a_blocked_reader);
    tcase_add_test(tests, feed_of_a_job_that_is_done_is_closed);
    tcase_add_test(tests, room_is_told_to_nobody_who_has_left);
    tcase_add_test(tests, only_the_worker_of_the_job_may_read);
    tcase_add_test(tests, inline_job_reads_what_is_there_and_cannot_wait);
    tcase_add_test(tests, feed_is_made_once);
    tcase_add_test(tests, echoes_that_end_in_any_way_keep_their_bytes);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
