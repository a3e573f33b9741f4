/* Stream: a job's bytes reach the loop in order, within the mark, and no writer waits for ever. */
#include "pool/fault.h"
#include "pool/internal.h"
#include "pool/ring.h"
#include "probe.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <tothread/context.h>
#include <tothread/stream.h>

/** A job that writes `total` bytes, `piece` at a time: byte n of a stream is pattern(n). */
struct sender {
    struct probe probe;
    struct tt_stream stream;
    size_t total;
    size_t piece;
    struct gate *after; /* passed at the end of run; may be NULL */
    _Atomic int status; /* of the last write */
    _Atomic uint64_t written;
    bool holds;  /* on_data doesn't consume */
    bool closes; /* on_data closes; or it was closed */
    uint64_t seen;
    uint32_t chunk_count;
    size_t largest;
    const unsigned char *last_data;
    uint64_t seen_in_done;
    char request[32];
};

#define SENDER_OF_JOB(job_)       ((struct sender *)((char *)(job_)-offsetof(struct sender, probe.job)))
#define SENDER_OF_STREAM(stream_) ((struct sender *)((char *)(stream_)-offsetof(struct sender, stream)))
#define NOT_YET                   (-1)

static unsigned char pattern(uint64_t place) {
    return (unsigned char)(place * 7 + place / 251);
}

static bool is_pattern(const unsigned char *bytes, uint64_t place, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != pattern(place + i))
            return false;
    return true;
}

static enum tt_outcome sender_run(struct tt_job *job, void *worker_state) {
    struct sender *sender = SENDER_OF_JOB(job);
    enum tt_outcome outcome = probe_run(job, worker_state);
    unsigned char *bytes = malloc(sender->piece);
    enum tt_status status = TT_OK;
    while (sender->written < sender->total && status == TT_OK) {
        size_t left = sender->total - (size_t)sender->written;
        size_t size = left < sender->piece ? left : sender->piece;
        for (size_t i = 0; i < size; i++)
            bytes[i] = pattern(sender->written + i);
        status = tt_stream_write(&sender->stream, bytes, size);
        if (status == TT_OK)
            atomic_fetch_add(&sender->written, size);
    }
    free(bytes);
    atomic_store(&sender->status, (int)status);
    if (sender->after != NULL)
        gate_pass(sender->after);
    return tt_job_is_cancelled(job) ? TT_CANCELLED : outcome;
}

static void on_data(struct tt_stream *stream, const void *data, size_t size) {
    struct sender *sender = SENDER_OF_STREAM(stream);
    const char *request_id = tt_context_values(tt_context_current())->request_id;
    if (sender->probe.done_count != 0 || size == 0 || !is_pattern(data, sender->seen, size))
        ck_abort_msg("wrong at byte %lu",
                     (unsigned long)sender->seen); /* an assertion each would take check for ever */
    sender->seen += size;
    sender->chunk_count++;
    sender->largest = size > sender->largest ? size : sender->largest;
    sender->last_data = data;
    (void)snprintf(sender->request, sizeof sender->request, "%s", request_id != NULL ? request_id : "");
    if (sender->closes)
        tt_stream_close(stream);
    if (!sender->holds && tt_stream_consume(stream, size) != TT_OK)
        ck_abort_msg("%zu bytes can't be consumed", size);
}

static void sender_done(struct tt_job *job) {
    SENDER_OF_JOB(job)->seen_in_done = SENDER_OF_JOB(job)->seen;
    probe_done(job);
}

static void sender_release(struct tt_job *job) {
    tt_stream_deinit(&SENDER_OF_JOB(job)->stream);
    probe_release(job);
}

static void sender_init(struct sender *sender, size_t limit_bytes, size_t total, size_t piece) {
    memset(sender, 0, sizeof *sender);
    probe_init(&sender->probe, NULL);
    sender->probe.job.run = sender_run;
    sender->probe.job.done = sender_done;
    sender->probe.job.release = sender_release;
    sender->total = total;
    sender->piece = piece;
    sender->status = NOT_YET;
    sender->stream.on_data = on_data;
    sender->stream.limit_bytes = limit_bytes;
    ck_assert_int_eq(tt_stream_init(&sender->stream, &sender->probe.job), TT_OK);
}

static bool is_blocked(struct sender *sender) {
    struct tti_ring *ring = sender->stream.ring;
    tti_lock_enter(&ring->lock);
    bool is_waiting = ring->waiting != NULL;
    tti_lock_leave(&ring->lock);
    return is_waiting;
}

static uint64_t put_count(struct sender *sender) {
    struct tti_ring *ring = sender->stream.ring;
    tti_lock_enter(&ring->lock);
    uint64_t count = ring->put;
    tti_lock_leave(&ring->lock);
    return count;
}

/** Submits a sender that holds what it gets, and returns when its writer is blocked at the mark. */
static void start_blocked(struct tt_wake *wake, struct tt_pool *pool, struct sender *sender) {
    sender->holds = true;
    probe_submit(pool, &sender->probe);
    tt_wake_flush(wake);
    PROBE_YIELD_UNTIL(is_blocked(sender));
}

START_TEST(bytes_come_in_order_whatever_the_sizes) {
    static const size_t sizes[][3] = {/* limit, total, piece */
                                      {1000, 300000, 7},  {1000, 300000, 1000},  {1000, 300000, 1001},
                                      {1, 2000, 3},       {7, 20000, 16},        {0, 3000000, 65536},
                                      {0, 3000000, 1000}, {100, 1000000, 500000}};
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 0);
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        struct sender sender;
        sender_init(&sender, sizes[i][0], sizes[i][1], sizes[i][2]);
        probe_submit(pool, &sender.probe);
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        ck_assert_int_eq(sender.status, TT_OK);
        ck_assert_uint_eq(sender.seen_in_done, sizes[i][1]);
        ck_assert_uint_le(sender.largest, sizes[i][0] != 0 ? sizes[i][0] : TT_STREAM_LIMIT_DEFAULT);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(small_writes_are_put_together_and_wake_the_loop_once) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct sender sender;
    int bytes = -1;
    gate_init(&gate);
    sender_init(&sender, 0, 1000, 10);
    sender.probe.gate = &gate;
    sender.after = &gate;
    probe_submit(pool, &sender.probe);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    gate_await(&gate, 1);
    gate_open(&gate, 1);
    gate_await(&gate, 1);
    ck_assert_int_eq(ioctl(tt_wake_fd(wake), FIONREAD, &bytes), 0);
    ck_assert_int_eq(bytes, 1);
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(sender.seen, 1000);
    ck_assert_uint_eq(sender.chunk_count, 1);
    ck_assert_uint_eq(sender.probe.done_count, 0);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(writer_waits_at_the_mark_until_bytes_are_consumed) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct sender sender;
    sender_init(&sender, 100, 250, 250);
    start_blocked(wake, pool, &sender);
    ck_assert_uint_eq(sender.seen, 0);
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(sender.seen, 100);
    ck_assert(is_blocked(&sender)); /* what was handed over still takes its room */
    const unsigned char *first = sender.last_data;
    ck_assert_int_eq(tt_stream_consume(&sender.stream, 40), TT_OK);
    PROBE_YIELD_UNTIL(put_count(&sender) == 140);
    PROBE_YIELD_UNTIL(is_blocked(&sender));
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_uint_eq(sender.seen, 140);
    ck_assert(is_pattern(first + 40, 40, 60)); /* not consumed: still there */
    ck_assert_int_eq(tt_stream_consume(&sender.stream, 101), TT_INVALID);
    ck_assert_int_eq(tt_stream_consume(&sender.stream, 0), TT_OK);
    ck_assert(is_blocked(&sender)); /* neither has made room */
    sender.holds = false;
    ck_assert_int_eq(tt_stream_consume(&sender.stream, 100), TT_OK);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(sender.seen_in_done, 250);
    ck_assert_int_eq(sender.status, TT_OK);
    probe_end(wake, pool);
}
END_TEST

START_TEST(on_data_has_the_context_of_the_job) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.request_id = "r"}, NULL);
    struct sender sender;
    sender_init(&sender, 0, 10, 10);
    sender.probe.job.context = context;
    probe_submit(pool, &sender.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_str_eq(sender.request, "r");
    ck_assert_ptr_null(tt_context_current());
    tt_context_release(context);
    probe_end(wake, pool);
}
END_TEST

START_TEST(receiver_that_leaves_in_the_middle_of_a_write_ends_it) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct sender sender;
    sender_init(&sender, 100, 1000, 1000);
    start_blocked(wake, pool, &sender);
    tt_stream_close(&sender.stream);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(sender.status, TT_CLOSED);
    ck_assert_uint_eq(sender.chunk_count, 0); /* nothing is handed over any more */
    probe_assert_ended(&sender.probe, TT_DONE);
    probe_end(wake, pool);
}
END_TEST

START_TEST(receiver_may_leave_from_on_data) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct sender sender;
    sender_init(&sender, 100, 1000000, 77); /* 100 is no multiple of it: what is there stands in two pieces mostly */
    sender.closes = true;
    probe_submit(pool, &sender.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(sender.status, TT_CLOSED);
    ck_assert_uint_eq(sender.chunk_count, 1);
    probe_end(wake, pool);
}
END_TEST

/** Interrupted, abandoned: a writer at the mark goes on at once. */
static void check_end_by_asking(enum tt_status (*ask)(struct tt_job *job), enum tt_outcome outcome) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct sender sender;
    gate_init(&gate);
    sender_init(&sender, 100, 1000, 1000);
    sender.after = &gate;
    start_blocked(wake, pool, &sender);
    ck_assert_int_eq(ask(&sender.probe.job), TT_OK);
    gate_await(&gate, 1); /* the loop has not dispatched */
    ck_assert_int_eq(sender.status, TT_CLOSED);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&sender.probe, outcome);
    probe_end(wake, pool);
    gate_deinit(&gate);
}

START_TEST(interrupted_writer_goes_on_at_once) {
    check_end_by_asking(tt_job_interrupt, TT_CANCELLED);
}
END_TEST

START_TEST(abandoned_writer_goes_on_at_once) {
    check_end_by_asking(tt_job_abandon, TT_ABANDONED);
}
END_TEST

START_TEST(run_time_out_frees_a_blocked_writer) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct sender sender;
    sender_init(&sender, 100, 1000, 1000);
    sender.probe.job.run_timeout_us = 30000;
    sender.holds = true;
    probe_submit(pool, &sender.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(sender.status, TT_CLOSED);
    ck_assert_uint_le(sender.seen, 100);
    probe_assert_ended(&sender.probe, TT_EXPIRED_RUN);
    probe_end(wake, pool);
}
END_TEST

static sem_t left_released;

static void release_left(struct tt_job *job) {
    sender_release(job);
    (void)sem_post(&left_released);
}

START_TEST(end_of_the_pool_frees_a_blocked_writer) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 3, 10, 0);
    unsigned thread_count = probe_thread_count() - 3; /* a sanitizer may have one of its own */
    struct sender senders[3];
    ck_assert_int_eq(sem_init(&left_released, 0, 0), 0);
    for (unsigned i = 0; i < 3; i++) {
        sender_init(&senders[i], 100, 1000, 1000);
        senders[i].probe.job.release = release_left;
        start_blocked(wake, pool, &senders[i]);
    }
    tt_pool_destroy(pool);
    ck_assert_ptr_null(wake->posts);
    for (unsigned i = 0; i < 3; i++)
        gate_wait(&left_released, "the release of a job whose writer was blocked");
    PROBE_YIELD_UNTIL(probe_thread_count() <= thread_count);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(senders[i].status, TT_CLOSED);
        ck_assert_int_eq(senders[i].probe.outcome, TT_ABANDONED);
    }
    tt_wake_destroy(wake);
}
END_TEST

struct post_of_test {
    struct tt_post post;
    struct sender *sender;
    struct gate *gate;
};

static void abandon_in_a_post(struct tt_post *post) {
    const struct post_of_test *test = (const struct post_of_test *)post;
    gate_open(test->gate, 1);
    PROBE_YIELD_UNTIL(put_count(test->sender) > 0);
    ck_assert_int_eq(tt_job_abandon(&test->sender->probe.job), TT_OK);
}

START_TEST(nothing_is_handed_over_after_done) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate before;
    struct gate after;
    struct sender sender;
    gate_init(&before);
    gate_init(&after);
    sender_init(&sender, 100, 10, 10);
    sender.probe.gate = &before;
    sender.after = &after;
    struct post_of_test test = {.post = {.fn = abandon_in_a_post}, .sender = &sender, .gate = &before};
    probe_submit(pool, &sender.probe);
    tt_wake_flush(wake);
    gate_await(&before, 1);
    tt_wake_post(wake, &test.post);
    (void)tt_wake_dispatch(wake, 100); /* the bytes come behind the posts of this dispatch, and done is called in it */
    ck_assert_uint_eq(sender.probe.done_count, 1);
    gate_await(&after, 1);
    (void)tt_wake_dispatch(wake, 100); /* on_data checks as well */
    ck_assert_uint_eq(sender.chunk_count, 0);
    gate_open(&after, 1);
    probe_end(wake, pool);
    gate_deinit(&before);
    gate_deinit(&after);
}
END_TEST

static enum tt_outcome ask_whether_open(struct tt_job *job, void *worker_state) {
    struct sender *sender = SENDER_OF_JOB(job);
    (void)probe_run(job, worker_state);
    atomic_store(&sender->status, (int)tt_stream_write(&sender->stream, NULL, 0));
    return TT_DONE;
}

START_TEST(write_of_nothing_asks_whether_anybody_listens) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct sender sender;
        sender_init(&sender, 0, 0, 1);
        sender.probe.job.run = ask_whether_open;
        if (i == 1)
            tt_stream_close(&sender.stream);
        probe_submit(pool, &sender.probe);
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        ck_assert_int_eq(sender.status, i == 0 ? TT_OK : TT_CLOSED);
        ck_assert_uint_eq(sender.chunk_count, 0);
    }
    probe_end(wake, pool);
}
END_TEST

START_TEST(only_the_worker_of_the_job_may_write) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct sender sender;
    sender_init(&sender, 0, 100, 100);
    ck_assert_int_eq(tt_stream_write(&sender.stream, "x", 1), TT_WRONG_THREAD); /* before it was submitted */
    probe_submit(pool, &sender.probe);
    ck_assert_int_eq(tt_stream_write(&sender.stream, "x", 1), TT_WRONG_THREAD);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(sender.seen_in_done, 100);
    probe_end(wake, pool);
}
END_TEST

START_TEST(inline_job_is_heard_while_it_writes) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 0, 10, 0);
    struct sender sender;
    sender_init(&sender, 100, 1000, 333);
    probe_submit(pool, &sender.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(sender.status, TT_OK);
    ck_assert_uint_eq(sender.seen_in_done, 1000);
    probe_end(wake, pool);
}
END_TEST

START_TEST(inline_job_cannot_wait_at_the_mark) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 0, 10, 0);
    struct sender sender;
    sender_init(&sender, 100, 1000, 333);
    sender.holds = true;
    probe_submit(pool, &sender.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_int_eq(sender.status, TT_WRONG_THREAD);
    ck_assert_uint_eq(sender.seen, 100);
    probe_end(wake, pool);
}
END_TEST

START_TEST(stream_is_made_once_and_needs_a_receiver) {
    struct tt_job job = {0};
    struct tt_stream stream = {0};
    ck_assert_int_eq(tt_stream_init(&stream, &job), TT_INVALID);
    stream.on_data = on_data;
    stream.limit_bytes = TT_STREAM_LIMIT_MAX + 1;
    ck_assert_int_eq(tt_stream_init(&stream, &job), TT_INVALID);
    stream.limit_bytes = TT_STREAM_LIMIT_MAX;
    atomic_store(&tti_faults.allocation_fails, 1);
    ck_assert_int_eq(tt_stream_init(&stream, &job), TT_NOMEM);
    stream.limit_bytes = 0;
    tt_stream_deinit(&stream);
    ck_assert_int_eq(tt_stream_init(&stream, &job), TT_OK);
    ck_assert_uint_eq(stream.ring->capacity, TT_STREAM_LIMIT_DEFAULT);
    ck_assert_int_eq(tt_stream_init(&stream, &job), TT_INVALID);
    ck_assert_int_eq(tt_stream_consume(&stream, 1), TT_INVALID);
    tt_stream_deinit(&stream);
    tt_stream_deinit(&stream);
}
END_TEST

/* -- many at once, each of which may end in any way -- */

#define SLOTS  12u
#define ROUNDS 60u

static uint64_t seed = 88172645463325252u;

static uint64_t random_below(uint64_t limit) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % limit;
}

static struct sender slots[SLOTS];

/** Some bytes are consumed at once, the rest by a later turn. */
static void on_slot_data(struct tt_stream *stream, const void *data, size_t size) {
    struct sender *sender = SENDER_OF_STREAM(stream);
    if (sender->probe.done_count != 0 || !is_pattern(data, sender->seen, size))
        ck_abort_msg("wrong at byte %lu", (unsigned long)sender->seen);
    sender->seen += size;
    if (tt_stream_consume(stream, random_below(size + 1)) != TT_OK)
        ck_abort_msg("some of %zu bytes can't be consumed", size);
}

static void slot_start(struct tt_pool *pool, struct sender *sender) {
    sender_init(sender, 1 + random_below(5000), random_below(60000), 1 + random_below(9000));
    sender->stream.on_data = on_slot_data;
    if (random_below(5) == 0)
        sender->probe.job.run_timeout_us = 1 + random_below(3000);
    probe_submit(pool, &sender->probe);
}

static void slot_disturb(struct sender *sender) {
    uint64_t held = sender->stream.delivered - sender->stream.ring->taken; /* the loop alone writes both */
    ck_assert_int_eq(tt_stream_consume(&sender->stream, random_below(3) == 0 ? held : random_below(held + 1)), TT_OK);
    enum tt_status status = TT_OK;
    switch (random_below(200)) {
    case 0:
        sender->closes = true;
        tt_stream_close(&sender->stream);
        break;
    case 1:
        status = tt_job_interrupt(&sender->probe.job);
        break;
    case 2:
        status = tt_job_abandon(&sender->probe.job);
        break;
    default:
        break;
    }
    ck_assert(status == TT_OK || status == TT_TOO_LATE);
}

static void slot_check(struct sender *sender) {
    if (sender->probe.outcome == TT_DONE && sender->status == TT_OK && !sender->closes)
        ck_assert_uint_eq(sender->seen_in_done, sender->total);
    ck_assert_uint_eq(sender->seen_in_done, sender->seen); /* none after done */
    ck_assert_uint_eq(sender->probe.release_count, 1);
}

START_TEST(streams_that_end_in_any_way_lose_nothing_and_leave_nothing) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 3, SLOTS, 3);
    for (unsigned i = 0; i < SLOTS; i++)
        slot_start(pool, &slots[i]);
    for (unsigned started = SLOTS; started < SLOTS * ROUNDS;) {
        (void)tt_wake_dispatch(wake, 1 + random_below(8));
        for (unsigned i = 0; i < SLOTS; i++) {
            if (slots[i].probe.release_count == 0) {
                slot_disturb(&slots[i]);
                continue;
            }
            slot_check(&slots[i]);
            slot_start(pool, &slots[i]);
            started++;
        }
    }
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].probe.release_count == 0) {
            slots[i].closes = true;
            tt_stream_close(&slots[i].stream);
        }
    probe_end(wake, pool);
    for (unsigned i = 0; i < SLOTS; i++)
        slot_check(&slots[i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("stream");
    TCase *tests = tcase_create("stream");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, bytes_come_in_order_whatever_the_sizes);
    tcase_add_test(tests, small_writes_are_put_together_and_wake_the_loop_once);
    tcase_add_test(tests, writer_waits_at_the_mark_until_bytes_are_consumed);
    tcase_add_test(tests, on_data_has_the_context_of_the_job);
    tcase_add_test(tests, receiver_that_leaves_in_the_middle_of_a_write_ends_it);
    tcase_add_test(tests, receiver_may_leave_from_on_data);
    tcase_add_test(tests, interrupted_writer_goes_on_at_once);
    tcase_add_test(tests, abandoned_writer_goes_on_at_once);
    tcase_add_test(tests, run_time_out_frees_a_blocked_writer);
    tcase_add_test(tests, end_of_the_pool_frees_a_blocked_writer);
    tcase_add_test(tests, nothing_is_handed_over_after_done);
    tcase_add_test(tests, write_of_nothing_asks_whether_anybody_listens);
    tcase_add_test(tests, only_the_worker_of_the_job_may_write);
    tcase_add_test(tests, inline_job_is_heard_while_it_writes);
    tcase_add_test(tests, inline_job_cannot_wait_at_the_mark);
    tcase_add_test(tests, stream_is_made_once_and_needs_a_receiver);
    tcase_add_test(tests, streams_that_end_in_any_way_lose_nothing_and_leave_nothing);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}
