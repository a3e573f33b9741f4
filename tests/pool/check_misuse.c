/* Misuse: calls on the wrong thread, and wakes that end too early, are reported and do nothing. */
#include "pool/internal.h"
#include "pool/ring.h"
#include "probe.h"

#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <tothread/feed.h>
#include <tothread/gather.h>
#include <tothread/map.h>
#include <tothread/misuse.h>
#include <tothread/scope.h>
#include <tothread/stall.h>
#include <tothread/stream.h>
#include <tothread/testing.h>
#include <tothread/to_thread.h>
#include <tothread/wait.h>
#include <tothread/watch.h>
#include <unistd.h>

static struct {
    unsigned count;
    enum tt_misuse_kind kind;
    char function[64];
    char text[256];
    int thread_id;
    int loop_id;
} heard;

static void hear(const struct tt_misuse *misuse) {
    heard.count++;
    heard.kind = misuse->kind;
    heard.thread_id = misuse->thread_id;
    heard.loop_id = misuse->loop_id;
    (void)snprintf(heard.function, sizeof heard.function, "%s", misuse->function);
    (void)snprintf(heard.text, sizeof heard.text, "%s", misuse->text);
}

/* What the wrong thread calls with. waiter waits for a permit of limiter; watch, gather, wait and each look at it. */
static struct stage {
    struct tt_wake *wake;
    struct tt_pool *pool;
    struct tt_limiter limiter;
    struct gate gate;
    struct probe holder;
    struct probe waiter;
    struct probe fresh;
    struct tt_watch watch;
    struct tt_watch other_watch;
    struct tt_timer timer;
    struct tt_stall_watch *stall_watch;
    struct tt_gather gather;
    struct tt_gather_item gather_item;
    struct tt_wait wait;
    struct tt_wait_item wait_item;
    struct tt_each each;
    struct tt_wait_item each_item;
    struct tt_scope scope;
    struct tt_map map;
    struct tt_map_slot slot;
    struct tt_stream stream;
    struct tt_feed feed;
} stage;

/* Never started. */
static struct tt_gather idle_gather;
static struct tt_gather_item idle_gather_item = {.job = &stage.fresh.job};
static struct tt_wait idle_wait;
static struct tt_each idle_each;
static struct tt_wait_item idle_item = {.job = &stage.waiter.job};
static struct tt_scope idle_scope;
static struct tt_scope_child idle_child = {.job = &stage.fresh.job};
static struct tt_map idle_map;
static struct tt_map_slot idle_slot;

static void no_timer(struct tt_timer *timer) {
    (void)timer;
}

static void no_stall(const struct tt_stall *stall, void *context) {
    (void)stall;
    (void)context;
}

static void *no_call(void *argument) {
    return argument;
}

static void no_result(void *result, enum tt_outcome outcome, void *context) {
    (void)result;
    (void)outcome;
    (void)context;
}

static bool never(void *argument) {
    (void)argument;
    return false;
}

#define REFUSES(name_, expression_)                                             \
    static void call_##name_(void) {                                            \
        ck_assert_msg(expression_, "%s did something after all", #expression_); \
    }

REFUSES(tt_job_abandon, tt_job_abandon(&stage.waiter.job) == TT_INVALID)
REFUSES(tt_job_cancel, tt_job_cancel(&stage.waiter.job) == TT_INVALID)
REFUSES(tt_job_interrupt, tt_job_interrupt(&stage.waiter.job) == TT_INVALID)
REFUSES(tt_limiter_resize, (tt_limiter_resize(&stage.limiter, 5), stage.limiter.permit_count == 1))
REFUSES(tt_pool_close, (tt_pool_close(stage.pool), !probe_snapshot(stage.pool).is_closed))
REFUSES(tt_pool_destroy, (tt_pool_destroy(stage.pool), probe_snapshot(stage.pool).cancelled == 0))
REFUSES(tt_pool_drain, tt_pool_drain(stage.pool, 0, NULL, 0) == 0)
REFUSES(tt_pool_expected_wait_us, tt_pool_expected_wait_us(stage.pool) == 1000000)
REFUSES(tt_pool_is_idle, !tt_pool_is_idle(stage.pool))
REFUSES(tt_pool_resize, tt_pool_resize(stage.pool, 5) == TT_INVALID)
REFUSES(tt_pool_set_limits, tt_pool_set_limits(stage.pool, 5, 0, 0) == TT_INVALID)
REFUSES(tt_pool_submit, tt_pool_submit(stage.pool, &stage.fresh.job) == TT_INVALID)
REFUSES(tt_stall_watch_start, tt_stall_watch_start(stage.wake, 1000, no_stall, NULL, NULL) == NULL)
REFUSES(tt_stall_watch_stop, (tt_stall_watch_stop(stage.stall_watch), true))
REFUSES(tt_test_await_job, tt_test_await_job(stage.wake, &stage.waiter.job, 0) == TT_NONE)
REFUSES(tt_test_park, tt_test_park(stage.pool) == TT_INVALID)
REFUSES(tt_test_run_until, !tt_test_run_until(stage.wake, never, NULL, 0))
REFUSES(tt_test_step, (tt_test_step(stage.pool, 1), true))
REFUSES(tt_test_unpark, (tt_test_unpark(stage.pool), true))
REFUSES(tt_timer_start, (tt_timer_start(stage.wake, &stage.timer, 0, no_timer), stage.timer.due_ms > 1000000))
REFUSES(tt_timer_stop, (tt_timer_stop(stage.wake, &stage.timer), stage.timer.prev != NULL))
REFUSES(tt_to_thread, tt_to_thread(stage.wake, no_call, NULL, no_result, NULL, NULL) == TT_INVALID)
REFUSES(tt_wake_default_pool, tt_wake_default_pool(stage.wake, NULL) == NULL)
REFUSES(tt_wake_set_default_pool, (tt_wake_set_default_pool(stage.wake, stage.pool), true))
REFUSES(tt_limiter_pause, (tt_limiter_pause(&stage.limiter), !stage.limiter.is_paused))
REFUSES(tt_limiter_resume, (tt_limiter_resume(&stage.limiter), true))
REFUSES(tt_wake_destroy, (tt_wake_destroy(stage.wake), tt_wake_fd(stage.wake) >= 0))
REFUSES(tt_wake_dispatch, tt_wake_dispatch(stage.wake, 1) == 0)
REFUSES(tt_wake_flush, (tt_wake_flush(stage.wake), true))
REFUSES(tt_wake_now_us, tt_wake_now_us(stage.wake) > 0)
REFUSES(tt_wake_prepare, tt_wake_prepare(stage.wake) == -1)
REFUSES(tt_wake_refresh, (tt_wake_refresh(stage.wake), true))
REFUSES(tt_watch_start, tt_watch_start(&stage.other_watch, &stage.waiter.job) == TT_INVALID)
REFUSES(tt_watch_stop, (tt_watch_stop(&stage.watch), stage.watch.job == &stage.waiter.job))

REFUSES(tt_gather_start, tt_gather_start(&idle_gather, stage.pool, &idle_gather_item, 1) == TT_INVALID)
REFUSES(tt_gather_cancel, tt_gather_cancel(&stage.gather, TT_STOP_ASK) == TT_INVALID)
REFUSES(tt_gather_detach, (tt_gather_detach(&stage.gather), stage.gather_item.watch.job == &stage.waiter.job))
REFUSES(tt_wait_start, tt_wait_start(&idle_wait, stage.wake, &idle_item, 1) == TT_INVALID)
REFUSES(tt_wait_stop, (tt_wait_stop(&stage.wait), stage.wait_item.watch.job == &stage.waiter.job))
REFUSES(tt_each_start, tt_each_start(&idle_each, stage.wake, &idle_item, 1) == TT_INVALID)
REFUSES(tt_each_stop, (tt_each_stop(&stage.each), stage.each_item.watch.job == &stage.waiter.job))
REFUSES(tt_scope_open, (tt_scope_open(&idle_scope, stage.wake), idle_scope.wake == NULL))
REFUSES(tt_scope_submit, tt_scope_submit(&stage.scope, stage.pool, &idle_child) == TT_INVALID)
REFUSES(tt_scope_cancel, tt_scope_cancel(&stage.scope, TT_STOP_ASK) == TT_INVALID)
REFUSES(tt_scope_close, tt_scope_close(&stage.scope, NULL) == TT_INVALID)
REFUSES(tt_map_start, tt_map_start(&idle_map, stage.pool, &idle_slot, 1) == TT_INVALID)
REFUSES(tt_map_cancel, tt_map_cancel(&stage.map, TT_STOP_ASK) == TT_INVALID)
REFUSES(tt_stream_consume, tt_stream_consume(&stage.stream, 0) == TT_INVALID)
REFUSES(tt_stream_close, (tt_stream_close(&stage.stream), !stage.stream.ring->is_closed))
REFUSES(tt_feed_end, (tt_feed_end(&stage.feed), !stage.feed.ring->is_ended))
REFUSES(tt_feed_close, (tt_feed_close(&stage.feed), !stage.feed.ring->is_closed))

static void call_tt_feed_push(void) {
    size_t taken = 99;
    ck_assert_int_eq(tt_feed_push(&stage.feed, "a", 1, &taken), TT_INVALID);
    ck_assert_uint_eq(taken, 0);
    ck_assert_uint_eq(stage.feed.ring->put, 0);
}

static void call_tt_limiter_get_stats(void) {
    struct tt_limiter_stats stats = {.used_count = 99};
    tt_limiter_get_stats(&stage.limiter, &stats);
    ck_assert_uint_eq(stats.used_count, 99);
}

static void call_tt_pool_create(void) {
    struct tt_error error = {0};
    const struct tt_pool_options options = {.name = "wrong", .worker_count = 1, .queue_limit = 1};
    ck_assert_ptr_null(tt_pool_create(stage.wake, &options, &error));
    ck_assert_int_eq(error.status, TT_INVALID);
    ck_assert_str_eq(error.text, "not on the loop's thread");
}

#define ROW(name_) \
    { #name_, call_##name_ }

/* Every function of the public headers that is the loop's; the next test sees to it. */
static const struct row {
    const char *name;
    void (*call)(void);
} rows[] = {
    ROW(tt_job_abandon),    ROW(tt_job_cancel),        ROW(tt_job_interrupt),
    ROW(tt_limiter_resize), ROW(tt_pool_close),        ROW(tt_pool_create),
    ROW(tt_pool_destroy),   ROW(tt_pool_drain),        ROW(tt_pool_is_idle),
    ROW(tt_pool_resize),    ROW(tt_pool_set_limits),   ROW(tt_pool_submit),
    ROW(tt_test_park),      ROW(tt_stall_watch_start), ROW(tt_stall_watch_stop),
    ROW(tt_test_await_job), ROW(tt_test_run_until),    ROW(tt_test_step),
    ROW(tt_test_unpark),    ROW(tt_timer_start),       ROW(tt_timer_stop),
    ROW(tt_wake_destroy),   ROW(tt_wake_dispatch),     ROW(tt_wake_flush),
    ROW(tt_wake_now_us),    ROW(tt_wake_prepare),      ROW(tt_wake_refresh),
    ROW(tt_to_thread),      ROW(tt_wake_default_pool), ROW(tt_wake_set_default_pool),
    ROW(tt_limiter_pause),  ROW(tt_limiter_resume),    ROW(tt_limiter_get_stats),
    ROW(tt_watch_start),    ROW(tt_watch_stop),        ROW(tt_pool_expected_wait_us),
    ROW(tt_gather_start),   ROW(tt_gather_cancel),     ROW(tt_gather_detach),
    ROW(tt_wait_start),     ROW(tt_wait_stop),         ROW(tt_each_start),
    ROW(tt_each_stop),      ROW(tt_scope_open),        ROW(tt_scope_submit),
    ROW(tt_scope_cancel),   ROW(tt_scope_close),       ROW(tt_map_start),
    ROW(tt_map_cancel),     ROW(tt_stream_consume),    ROW(tt_stream_close),
    ROW(tt_feed_push),      ROW(tt_feed_end),          ROW(tt_feed_close),
};

static enum tt_outcome map_nothing(void *item, size_t index, void *user) {
    (void)item;
    (void)index;
    (void)user;
    return TT_DONE;
}

static void no_data(struct tt_stream *stream, const void *data, size_t size) {
    (void)stream;
    (void)data;
    (void)size;
}

/** Those that must be in use to know their loop. */
static void start_groups(void) {
    stage.gather_item.job = &stage.waiter.job;
    stage.wait_item.job = &stage.waiter.job;
    stage.each_item.job = &stage.waiter.job;
    stage.map.fn = map_nothing;
    stage.map.count = 1;
    ck_assert_int_eq(tt_gather_start(&stage.gather, stage.pool, &stage.gather_item, 1), TT_OK);
    ck_assert_int_eq(tt_wait_start(&stage.wait, stage.wake, &stage.wait_item, 1), TT_OK);
    ck_assert_int_eq(tt_each_start(&stage.each, stage.wake, &stage.each_item, 1), TT_OK);
    ck_assert_int_eq(tt_map_start(&stage.map, stage.pool, &stage.slot, 1), TT_OK);
    tt_scope_open(&stage.scope, stage.wake);
}

static void end_groups(void) {
    ck_assert_int_eq(stage.gather.outcome, TT_DONE);
    ck_assert(stage.wait.is_over);
    ck_assert_uint_eq(stage.each.told_count, 1);
    ck_assert_int_eq(stage.map.outcome, TT_DONE);
    ck_assert_int_eq(stage.scope.outcome, TT_DONE);
    tt_stream_deinit(&stage.stream);
    tt_feed_deinit(&stage.feed);
}

static void set_stage(void) {
    stage.wake = probe_wake();
    stage.pool = probe_pool(stage.wake, 1, 10, 0);
    stage.limiter.permit_count = 1;
    gate_init(&stage.gate);
    probe_init(&stage.holder, &stage.gate);
    probe_init(&stage.waiter, NULL);
    probe_init(&stage.fresh, NULL);
    stage.holder.job.limiter = &stage.limiter;
    stage.waiter.job.limiter = &stage.limiter;
    stage.stream.on_data = no_data;
    ck_assert_int_eq(tt_stream_init(&stage.stream, &stage.waiter.job), TT_OK);
    ck_assert_int_eq(tt_feed_init(&stage.feed, &stage.waiter.job), TT_OK);
    probe_submit(stage.pool, &stage.holder);
    probe_submit(stage.pool, &stage.waiter);
    ck_assert_int_eq(tt_watch_start(&stage.watch, &stage.waiter.job), TT_OK);
    start_groups();
    tt_timer_start(stage.wake, &stage.timer, UINT64_C(1000000000000), no_timer);
    stage.stall_watch = tt_stall_watch_start(stage.wake, 1000000, no_stall, NULL, NULL);
    ck_assert_ptr_nonnull(stage.stall_watch);
    tt_wake_flush(stage.wake);
    gate_await(&stage.gate, 1);
}

/** All is as it was before the wrong calls: the two jobs end as if nothing had happened. */
static void strike_stage(void) {
    ck_assert(tt_misuse_set(NULL) == hear);
    gate_open(&stage.gate, 1);
    tt_stall_watch_stop(stage.stall_watch);
    ck_assert_ptr_nonnull(stage.timer.prev);
    tt_timer_stop(stage.wake, &stage.timer);
    ck_assert_int_eq(tt_scope_close(&stage.scope, NULL), TT_OK);
    probe_end(stage.wake, stage.pool);
    end_groups();
    probe_assert_ended(&stage.holder, TT_DONE);
    probe_assert_ended(&stage.waiter, TT_DONE);
    ck_assert_uint_eq(stage.fresh.run_count, 0);
    gate_deinit(&stage.gate);
}

static void *call_row(void *argument) {
    const struct row *row = argument;
    (void)pthread_setname_np(pthread_self(), "stranger");
    row->call();
    return NULL;
}

START_TEST(loop_function_on_another_thread_is_reported_and_does_nothing) {
    struct row row = rows[_i];
    char beginning[128];
    set_stage();
    ck_assert_ptr_null(tt_misuse_set(hear));
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, call_row, &row), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(heard.count, 1);
    ck_assert_int_eq(heard.kind, TT_MISUSE_THREAD);
    ck_assert_str_eq(heard.function, row.name);
    ck_assert_int_eq(heard.loop_id, gettid());
    ck_assert_int_ne(heard.thread_id, gettid());
    (void)snprintf(beginning, sizeof beginning,
                   "%s was called on thread %d (stranger), but belongs to its loop, thread %d (", row.name,
                   heard.thread_id, heard.loop_id);
    ck_assert_int_eq(strncmp(heard.text, beginning, strlen(beginning)), 0);
    strike_stage();
}
END_TEST

START_TEST(loop_function_on_its_own_thread_is_not_reported) {
    set_stage();
    ck_assert_ptr_null(tt_misuse_set(hear));
    strike_stage();
    ck_assert_uint_eq(heard.count, 0);
}
END_TEST

static bool is_in_table(const char *name) {
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return true;
    return false;
}

/** Looks up each function with TT_ON_LOOP after its parameters. Returns: how many there are. */
static unsigned look_up_functions(const char *path) {
    static char text[100000];
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_uint_lt(size, sizeof text - 1);
    text[size] = '\0';
    unsigned count = 0;
    for (char *at = text; (at = strstr(at, ") TT_ON_LOOP")) != NULL; at++) {
        char *begin = at;
        unsigned depth = 1;
        while (depth > 0) {
            begin--;
            depth += *begin == ')';
            depth -= *begin == '(';
        }
        char name[64];
        size_t length = 0;
        while (isalnum((unsigned char)begin[-1]) || begin[-1] == '_') {
            begin--;
            length++;
        }
        ck_assert_uint_lt(length, sizeof name);
        memcpy(name, begin, length);
        name[length] = '\0';
        ck_assert_msg(is_in_table(name), "%s of %s is the loop's, and not tested here", name, path);
        count++;
    }
    return count;
}

START_TEST(every_loop_function_of_the_headers_is_tested_here) {
    DIR *folder = opendir(INCLUDE_FOLDER);
    ck_assert_ptr_nonnull(folder);
    unsigned count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char path[512];
        /* thread.h defines the word */
        if (strstr(entry->d_name, ".h") == NULL || strcmp(entry->d_name, "thread.h") == 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", INCLUDE_FOLDER, entry->d_name);
        count += look_up_functions(path);
    }
    ck_assert_int_eq(closedir(folder), 0);
    ck_assert_uint_eq(count, COUNT_OF(rows));
}
END_TEST

static enum tt_outcome submit_from_worker(struct tt_job *job, void *worker_state) {
    (void)job;
    (void)worker_state;
    return tt_pool_submit(stage.pool, &stage.fresh.job) == TT_INVALID ? TT_DONE : TT_FAILED;
}

START_TEST(submit_from_inside_a_job_is_reported_with_the_workers_name) {
    struct probe probe;
    struct tt_wake *wake = probe_wake();
    stage.pool = probe_pool(wake, 1, 10, 0);
    probe_init(&stage.fresh, NULL);
    probe_init(&probe, NULL);
    probe.job.run = submit_from_worker;
    ck_assert_ptr_null(tt_misuse_set(hear));
    probe_submit(stage.pool, &probe);
    PROBE_TURN_UNTIL(wake, probe.done_count == 1);
    ck_assert_uint_eq(heard.count, 1);
    ck_assert_ptr_nonnull(strstr(heard.text, "(test-1)"));
    probe_assert_ended(&probe, TT_DONE);
    probe_end(wake, stage.pool);
}
END_TEST

static bool at_once(void *argument) {
    (void)argument;
    return true;
}

REFUSES(dispatch_inside, tt_wake_dispatch(stage.wake, 1) == 0)
REFUSES(drain_inside, (tt_pool_drain(stage.pool, 0, NULL, 0) == 0 && !probe_snapshot(stage.pool).is_closed))
REFUSES(pool_destroy_inside, (tt_pool_destroy(stage.pool), !probe_snapshot(stage.pool).is_closed))
REFUSES(wake_destroy_inside, (tt_wake_destroy(stage.wake), stage.wake->default_pool != NULL))
REFUSES(set_default_inside, (tt_wake_set_default_pool(stage.wake, NULL), stage.wake->default_pool != NULL))
REFUSES(run_until_inside, !tt_test_run_until(stage.wake, at_once, NULL, 0))

/* What says "not from inside anything that a dispatch calls". */
static const struct row inside_rows[] = {
    {"tt_wake_dispatch", call_dispatch_inside},
    {"tt_pool_drain", call_drain_inside},
    {"tt_pool_destroy", call_pool_destroy_inside},
    {"tt_wake_destroy", call_wake_destroy_inside},
    {"tt_wake_set_default_pool", call_set_default_inside},
    {"tt_test_run_until", call_run_until_inside},
};

static void call_rows(struct tt_timer *timer) {
    (void)timer;
    for (unsigned i = 0; i < COUNT_OF(inside_rows); i++) {
        inside_rows[i].call();
        ck_assert_uint_eq(heard.count, i + 1);
        ck_assert_int_eq(heard.kind, TT_MISUSE_INSIDE);
        ck_assert_str_eq(heard.function, inside_rows[i].name);
    }
    ck_assert_str_eq(heard.text, "tt_test_run_until was called from inside a function that a dispatch calls");
}

START_TEST(end_of_what_dispatches_is_not_for_what_a_dispatch_calls) {
    struct probe probe;
    stage.wake = probe_wake();
    stage.pool = probe_pool(stage.wake, 1, 10, 0);
    ck_assert_ptr_null(tt_misuse_set(hear));
    ck_assert_ptr_nonnull(tt_wake_default_pool(stage.wake, NULL));
    tt_timer_start(stage.wake, &stage.timer, 0, call_rows);
    PROBE_TURN_UNTIL(stage.wake, heard.count != 0);
    probe_start(stage.pool, &probe, NULL);
    PROBE_TURN_UNTIL(stage.wake, tt_pool_is_idle(stage.pool));
    probe_assert_ended(&probe, TT_DONE);
    probe_end(stage.wake, stage.pool);
    ck_assert_uint_eq(heard.count, COUNT_OF(inside_rows));
}
END_TEST

START_TEST(wake_does_not_end_before_what_needs_it) {
    struct tt_wake *wake = probe_wake();
    struct tt_timer timer = {0};
    ck_assert_ptr_null(tt_misuse_set(hear));
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0);
    struct tt_stall_watch *watch = tt_stall_watch_start(wake, 1000000, no_stall, NULL, NULL);
    tt_timer_start(wake, &timer, 1000000, no_timer);
    tt_wake_destroy(wake);
    ck_assert_int_eq(heard.kind, TT_MISUSE_POOLS);
    ck_assert_str_eq(heard.text, "tt_wake_destroy was called while pool \"test\" exists");
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    ck_assert_int_eq(heard.kind, TT_MISUSE_STALL_WATCH);
    ck_assert_str_eq(heard.text, "tt_wake_destroy was called while a stall watch runs");
    tt_stall_watch_stop(watch);
    tt_wake_destroy(wake);
    ck_assert_int_eq(heard.kind, TT_MISUSE_TIMERS);
    ck_assert_str_eq(heard.text, "tt_wake_destroy was called while a timer runs");
    ck_assert_int_eq(heard.thread_id, gettid());
    tt_timer_stop(wake, &timer);
    tt_wake_destroy(wake);
    ck_assert_uint_eq(heard.count, 3);
}
END_TEST

START_TEST(wake_does_not_end_before_its_next_dispatch_has_told_what_is_due) {
    struct tt_wake *wake = probe_wake();
    struct tt_each each = {0};
    ck_assert_ptr_null(tt_misuse_set(hear));
    ck_assert_int_eq(tt_each_start(&each, wake, NULL, 0), TT_OK); /* an empty set ends there */
    tt_wake_destroy(wake);
    ck_assert_int_eq(heard.kind, TT_MISUSE_TIMERS);
    tt_each_stop(&each);
    tt_wake_destroy(wake);
    ck_assert_uint_eq(heard.count, 1);
}
END_TEST

static void *create_and_end(void *argument) {
    *(struct tt_wake **)argument = probe_wake();
    return NULL;
}

START_TEST(loop_whose_thread_has_gone_is_said_to_be_nameless) {
    struct tt_wake *wake = NULL;
    pthread_t thread;
    ck_assert_ptr_null(tt_misuse_set(hear));
    ck_assert_int_eq(pthread_create(&thread, NULL, create_and_end, &wake), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    tt_wake_flush(wake);
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d", heard.loop_id);
    PROBE_YIELD_UNTIL(access(path, F_OK) != 0);
    tt_wake_flush(wake);
    ck_assert_str_eq(heard.text + strlen(heard.text) - 4, " (?)");
}
END_TEST

static void *submit_elsewhere(void *argument) {
    (void)tt_wake_prepare(argument);
    return NULL;
}

START_TEST(without_a_handler_one_line_is_printed_and_the_process_aborts) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        pthread_t thread;
        (void)dup2(ends[1], STDERR_FILENO);
        struct tt_wake *wake = tt_wake_create(NULL);
        if (wake != NULL && pthread_create(&thread, NULL, submit_elsewhere, wake) == 0)
            (void)pthread_join(thread, NULL);
        _exit(0);
    }
    ck_assert_int_eq(close(ends[1]), 0);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    char line[512] = "";
    ssize_t size = read(ends[0], line, sizeof line - 1);
    ck_assert_int_gt(size, 0);
    line[size] = '\0';
    static const char beginning[] = "tothread: tt_wake_prepare was called on thread ";
    ck_assert_int_eq(strncmp(line, beginning, sizeof beginning - 1), 0);
    ck_assert_ptr_eq(strchr(line, '\n'), line + size - 1);
    ck_assert_int_eq(close(ends[0]), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("misuse");
    TCase *tests = tcase_create("misuse");
    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, loop_function_on_another_thread_is_reported_and_does_nothing, 0, (int)COUNT_OF(rows));
    tcase_add_test(tests, loop_function_on_its_own_thread_is_not_reported);
    tcase_add_test(tests, every_loop_function_of_the_headers_is_tested_here);
    tcase_add_test(tests, submit_from_inside_a_job_is_reported_with_the_workers_name);
    tcase_add_test(tests, end_of_what_dispatches_is_not_for_what_a_dispatch_calls);
    tcase_add_test(tests, wake_does_not_end_before_what_needs_it);
    tcase_add_test(tests, wake_does_not_end_before_its_next_dispatch_has_told_what_is_due);
    tcase_add_test(tests, loop_whose_thread_has_gone_is_said_to_be_nameless);
    tcase_add_test(tests, without_a_handler_one_line_is_printed_and_the_process_aborts);
    return probe_main(suite);
}
